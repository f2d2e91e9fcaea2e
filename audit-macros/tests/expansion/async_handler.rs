async fn pay(
    user: CurrentUser,
    invoice: Invoice,
    Json(payment): Json<Payment>,
) -> Result<Json<Receipt>, AppError> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.paid",
        ::core::module_path!(),
        "pay",
    );
    ::audited::__private::scope(
            ::audited::__private::open(
                &__AUDITED,
                |__event| {
                    __event.actor(&user);
                    __event.targets(&invoice);
                    __event
                        .metadata_checked(
                            "amount",
                            &payment.amount,
                            const { ::audited::__private::automatic("amount") },
                        );
                },
            ),
            async move {
                #[allow(unreachable_code, unreachable_patterns)]
                if let ::core::option::Option::Some(__early) = ::core::option::Option::None::<
                    Result<Json<Receipt>, AppError>,
                > {
                    return __early;
                }
                let receipt = book(&invoice, payment).await?;
                Ok(Json(receipt))
            },
            |__output, _event| {
                use ::audited::__private::{FailureFallback as _, PeelFallback as _};
                let __peeled = ::audited::__private::Probe(__output).peel();
                __peeled.failed
                    || ::audited::__private::Probe(__peeled.value).is_failure()
            },
        )
        .await
}
