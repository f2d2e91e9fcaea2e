fn sync(invoice: &Invoice) -> u64 {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.seen",
        ::core::module_path!(),
        "sync",
    );
    ::audited::__private::scope_sync(
        ::audited::__private::open(
            &__AUDITED,
            |__event| {
                __event.targets(&*invoice);
            },
        ),
        move || -> u64 { invoice.id },
        |__output, _event| {
            use ::audited::__private::{FailureFallback as _, PeelFallback as _};
            {
                use ::audited::__private::ToldFallback as _;
                ::audited::__private::Probe(__output).told();
            }
            let __peeled = ::audited::__private::Probe(__output).peel();
            __peeled.failed || ::audited::__private::Probe(__peeled.value).is_failure()
        },
    )
}
fn never(invoice: &Invoice) -> ! {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.seen",
        ::core::module_path!(),
        "never",
    );
    ::audited::__private::scope_sync(
        ::audited::__private::open(
            &__AUDITED,
            |__event| {
                __event.targets(&*invoice);
            },
        ),
        move || -> ! { panic!() },
        |__output, _event| {
            use ::audited::__private::{FailureFallback as _, PeelFallback as _};
            let __peeled = ::audited::__private::Probe(__output).peel();
            __peeled.failed || ::audited::__private::Probe(__peeled.value).is_failure()
        },
    )
}
fn future(invoice: Invoice) -> impl Future<Output = u64> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.seen",
        ::core::module_path!(),
        "future",
    );
    ::audited::__private::scope(
        ::audited::__private::open(
            &__AUDITED,
            |__event| {
                __event.targets(&invoice);
            },
        ),
        (move || { async move { invoice.id } })(),
        |__output, _event| {
            use ::audited::__private::{FailureFallback as _, PeelFallback as _};
            let __peeled = ::audited::__private::Probe(__output).peel();
            __peeled.failed || ::audited::__private::Probe(__peeled.value).is_failure()
        },
    )
}
fn as_async_trait_leaves_it<'a>(
    invoice: Invoice,
) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.seen",
        ::core::module_path!(),
        "as_async_trait_leaves_it",
    );
    ::std::boxed::Box::pin(
        ::audited::__private::scope(
            ::audited::__private::open(
                &__AUDITED,
                |__event| {
                    __event.targets(&invoice);
                },
            ),
            async move { invoice.id },
            |__output, _event| {
                use ::audited::__private::{FailureFallback as _, PeelFallback as _};
                let __peeled = ::audited::__private::Probe(__output).peel();
                __peeled.failed
                    || ::audited::__private::Probe(__peeled.value).is_failure()
            },
        ),
    )
}
fn boxed(invoice: Invoice) -> BoxFuture<'static, u64> {
    static __AUDITED: ::audited::__private::Description = ::audited::__private::Description::new(
        "invoice.seen",
        ::core::module_path!(),
        "boxed",
    );
    ::std::boxed::Box::pin(
        ::audited::__private::scope(
            ::audited::__private::open(
                &__AUDITED,
                |__event| {
                    __event.targets(&invoice);
                },
            ),
            (move || -> BoxFuture<'static, u64> {
                let id = invoice.id;
                Box::pin(async move { id })
            })(),
            |__output, _event| {
                use ::audited::__private::{FailureFallback as _, PeelFallback as _};
                let __peeled = ::audited::__private::Probe(__output).peel();
                __peeled.failed
                    || ::audited::__private::Probe(__peeled.value).is_failure()
            },
        ),
    )
}
