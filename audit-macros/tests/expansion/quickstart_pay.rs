async fn pay(Path(id): Path<String>, Json(payment): Json<Payment>) -> Json<Invoice> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.paid",
        ::core::module_path!(),
        "pay",
    );
    ::audited::__private::scope(
            ::audited::__private::open(
                &__AUDITED,
                |__event| {
                    use ::audited::__private::CapturedFallback as _;
                    __event
                        .metadata_checked(
                            "iban",
                            ::audited::__private::Captured(&payment.iban).hidden(),
                            ::audited::Redaction::MaskLast(4usize),
                        );
                },
            ),
            async move {
                #[allow(unreachable_code, unreachable_patterns)]
                if let ::core::option::Option::Some(__early) = ::core::option::Option::None::<
                    Json<Invoice>,
                > {
                    return __early;
                }
                Json(Invoice {
                    id,
                    amount_cents: payment.amount_cents,
                    notes: "a good customer",
                })
            },
            |__output, __event| {
                use ::audited::__private::{FailureFallback as _, PeelFallback as _};
                let __peeled = ::audited::__private::Probe(__output).peel();
                let __failed = __peeled.failed
                    || ::audited::__private::Probe(__peeled.value).is_failure();
                let __yielded = __peeled.value.filter(|_| !__failed);
                if let ::core::option::Option::Some(Json(invoice)) = __yielded {
                    __event.targets(invoice);
                } else {
                    __event
                        .absent(
                            __yielded,
                            |__value| {
                                #[allow(warnings, clippy::all, clippy::pedantic)]
                                let Json(invoice) = __value else { ::core::unreachable!() };
                                invoice
                            },
                        );
                }
                __failed
            },
        )
        .await
}
