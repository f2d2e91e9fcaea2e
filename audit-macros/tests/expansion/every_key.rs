/// Pays.
pub async fn pay(
    user: CurrentUser,
    invoice: &Invoice,
    Json(payload): Json<Payment>,
    cart: Cart,
    raw: u8,
) -> Result<Json<Receipt>, AppError> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
            "invoice.paid",
            ::core::module_path!(),
            "pay",
        )
        .version(2u32)
        .failure_action("invoice.payment_failed")
        .on(true, true, true, false)
        .durability(::audited::__private::Durability::Strict);
    match ::audited::__private::open_strict(
            &__AUDITED,
            |__event| {
                use ::audited::__private::CapturedFallback as _;
                __event.actor(&user);
                __event.organization(&user.org_id);
                __event.targets(&*invoice);
                __event
                    .target_of_named(
                        "ledger",
                        ::audited::__private::display(&payload.ledger),
                        &payload.title,
                    );
                __event
                    .metadata_checked(
                        "amount",
                        &payload.amount,
                        const { ::audited::__private::automatic("amount") },
                    );
                __event
                    .metadata_checked(
                        "currency",
                        &payload.currency,
                        ::audited::Redaction::None,
                    );
                __event
                    .metadata_checked(
                        "iban",
                        ::audited::__private::Captured(&payload.iban).hidden(),
                        ::audited::Redaction::MaskLast(4usize),
                    );
                __event
                    .metadata_checked(
                        "address_city",
                        ::audited::__private::Captured(&payload.address.city).hidden(),
                        ::audited::Redaction::Hash,
                    );
                __event
                    .metadata_checked(
                        "items",
                        &(cart.len() + 1),
                        const { ::audited::__private::automatic("items") },
                    );
                __event
                    .metadata_checked(
                        "note",
                        ::audited::__private::display(&payload.note),
                        const { ::audited::__private::automatic("note") },
                    );
                __event
                    .metadata_checked(
                        "raw",
                        ::audited::__private::Captured(&raw).debug(),
                        const { ::audited::__private::automatic("raw") },
                    );
                __event
                    .metadata_checked(
                        "reference",
                        &user.session,
                        const {
                            match ::audited::__private::automatic("session") {
                                ::audited::Redaction::None => {
                                    ::audited::__private::automatic("reference")
                                }
                                redacted => redacted,
                            }
                        },
                    );
            },
        )
        .await
    {
        ::core::result::Result::Ok(__scope) => {
            ::audited::__private::scope(
                    __scope,
                    async move {
                        #[allow(unreachable_code, unreachable_patterns)]
                        if let ::core::option::Option::Some(__early) = ::core::option::Option::None::<
                            Result<Json<Receipt>, AppError>,
                        > {
                            return __early;
                        }
                        let receipt = book(payload, cart, raw).await?;
                        Ok(Json(receipt))
                    },
                    |__output, __event| {
                        use ::audited::__private::{
                            FailureFallback as _, PeelFallback as _,
                        };
                        let __peeled = ::audited::__private::Probe(__output).peel();
                        let __failed = __peeled.failed
                            || ::audited::__private::Probe(__peeled.value).is_failure();
                        let __yielded = __peeled.value.filter(|_| !__failed);
                        if let ::core::option::Option::Some(Json(receipt)) = __yielded {
                            __event.targets(receipt);
                            __event
                                .metadata_checked(
                                    "receipt",
                                    ::audited::__private::display(&receipt.number),
                                    const {
                                        match ::audited::__private::automatic("number") {
                                            ::audited::Redaction::None => {
                                                ::audited::__private::automatic("receipt")
                                            }
                                            redacted => redacted,
                                        }
                                    },
                                );
                        } else {
                            __event
                                .absent(
                                    __yielded,
                                    |__value| {
                                        #[allow(warnings, clippy::all, clippy::pedantic)]
                                        let Json(receipt) = __value else { ::core::unreachable!() };
                                        receipt
                                    },
                                );
                        }
                        let __yielded = ::audited::__private::error_of(__output);
                        if let ::core::option::Option::Some(error) = __yielded {
                            __event
                                .metadata_checked(
                                    "reason",
                                    ::audited::__private::display(&error),
                                    const {
                                        match ::audited::__private::automatic("error") {
                                            ::audited::Redaction::None => {
                                                ::audited::__private::automatic("reason")
                                            }
                                            redacted => redacted,
                                        }
                                    },
                                );
                        }
                        __failed
                    },
                )
                .await
        }
        ::core::result::Result::Err(__unavailable) => {
            <Result<
                Json<Receipt>,
                AppError,
            > as ::audited::__private::Refuse>::refuse(__unavailable)
        }
    }
}
