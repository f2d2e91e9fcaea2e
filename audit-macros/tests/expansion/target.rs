#[automatically_derived]
impl<P> ::audited::AuditTarget for Invoice<P>
where
    for<'__audited> &'__audited Option<P>: ::audited::AuditValue,
{
    const TYPE: &'static ::core::primitive::str = "invoice";
    fn describe(&self, __writer: &mut ::audited::TargetWriter<'_>) {
        use ::audited::__private::CapturedFallback as _;
        match self {
            Self {
                plan: __self_plan,
                total: __self_total,
                iban: __self_iban,
                id: __self_id,
                number: __self_number,
                customer: __self_customer,
                ..
            } => {
                __writer
                    .metadata_checked(
                        "tier",
                        __self_plan,
                        const {
                            match ::audited::__private::automatic("plan") {
                                ::audited::Redaction::None => {
                                    ::audited::__private::automatic("tier")
                                }
                                redacted => redacted,
                            }
                        },
                    );
                __writer
                    .metadata_checked(
                        "total",
                        &cents(__self_total),
                        const { ::audited::__private::automatic("total") },
                    );
                __writer
                    .metadata_checked(
                        "iban",
                        ::audited::__private::Captured(__self_iban).hidden(),
                        ::audited::Redaction::MaskLast(4usize),
                    );
                __writer.id(__self_id);
                __writer
                    .name(
                        ::audited::__private::display(
                            &::core::format_args!(
                                "{0} ({1})", __self_number, __self_customer.name
                            ),
                        ),
                    );
            }
        }
    }
}
