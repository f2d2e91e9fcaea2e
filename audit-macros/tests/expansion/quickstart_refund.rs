async fn refund(
    Path(id): Path<String>,
) -> Result<Json<Invoice>, (StatusCode, &'static str)> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.refunded",
        ::core::module_path!(),
        "refund",
    );
    ::audited::__private::scope(
            ::audited::__private::open(
                &__AUDITED,
                |__event| {
                    __event.target_of("invoice", &id);
                },
            ),
            async move {
                #[allow(unreachable_code, unreachable_patterns)]
                if let ::core::option::Option::Some(__early) = ::core::option::Option::None::<
                    Result<Json<Invoice>, (StatusCode, &'static str)>,
                > {
                    return __early;
                }
                Err((StatusCode::CONFLICT, "it was never paid"))
            },
            |__output, __event| {
                use ::audited::__private::{FailureFallback as _, PeelFallback as _};
                let __peeled = ::audited::__private::Probe(__output).peel();
                let __failed = __peeled.failed
                    || ::audited::__private::Probe(__peeled.value).is_failure();
                let __yielded = ::audited::__private::error_of(__output);
                if let ::core::option::Option::Some((_, why)) = __yielded {
                    __event
                        .metadata_checked(
                            "reason",
                            &why,
                            const {
                                match ::audited::__private::automatic("why") {
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
