//! Whole expansions, kept as readable Rust in `tests/expansion`.
//!
//! After a change that is meant, `AUDITED_SNAPSHOTS=overwrite cargo test -p audit-macros` rewrites them.

use crate::audited::audited;
use crate::model::{Role, derive};
use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;

fn pretty(tokens: &TokenStream) -> String {
    match syn::parse2(tokens.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => format!("{error}\n{tokens}"),
    }
}

/// Compares with the file, or writes it.
fn check(name: &str, tokens: &TokenStream) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansion").join(name).with_extension("rs");
    let expansion = pretty(tokens);
    if std::env::var_os("AUDITED_SNAPSHOTS").is_some() {
        assert!(std::fs::write(&path, &expansion).is_ok(), "{} cannot be written", path.display());
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == expansion, "`{name}` now expands to:\n{expansion}");
    expansion
}

fn everything(root: &TokenStream) -> TokenStream {
    audited(
        quote! {
            action = "invoice.paid",
            version = 2,
            failure_action = "invoice.payment_failed",
            actor = user,
            organization = user.org_id,
            targets(invoice),
            target(type = "ledger", id = %payload.ledger, name = payload.title),
            body(payload: amount, currency = allow, iban = mask(last = 4), address.city = hash),
            metadata(items = cart.len() + 1, note = %payload.note, raw = ?raw, reference = user.session),
            ok(Json(receipt) => targets(receipt), metadata(receipt = %receipt.number)),
            err(error => metadata(reason = %error)),
            on(ok, err, panic),
            durability = strict,
            #root
        },
        quote! {
            /// Pays.
            pub async fn pay(
                user: CurrentUser, invoice: &Invoice, Json(payload): Json<Payment>, cart: Cart, raw: u8,
            ) -> Result<Json<Receipt>, AppError> {
                let receipt = book(payload, cart, raw).await?;
                Ok(Json(receipt))
            }
        },
    )
}

#[test]
fn the_handler_that_most_people_write_stays_small() {
    let expansion = check(
        "async_handler",
        &audited(
            quote!(action = "invoice.paid", actor = user, targets(invoice), metadata(amount = payment.amount)),
            quote! {
                async fn pay(user: CurrentUser, invoice: Invoice, Json(payment): Json<Payment>) -> Result<Json<Receipt>, AppError> {
                    let receipt = book(&invoice, payment).await?;
                    Ok(Json(receipt))
                }
            },
        ),
    );
    assert!(expansion.lines().count() <= 60, "{} lines", expansion.lines().count());
}

#[test]
fn the_handlers_of_the_quickstart_stay_small() {
    let paying = audited(
        quote!(action = "invoice.paid", ok(Json(invoice) => targets(invoice)), body(payment: iban = mask(last = 4))),
        quote! {
            async fn pay(Path(id): Path<String>, Json(payment): Json<Payment>) -> Json<Invoice> {
                Json(Invoice { id, amount_cents: payment.amount_cents, notes: "a good customer" })
            }
        },
    );
    let refunding = audited(
        quote!(action = "invoice.refunded", target(type = "invoice", id = id), err((_, why) => metadata(reason = why))),
        quote! {
            async fn refund(Path(id): Path<String>) -> Result<Json<Invoice>, (StatusCode, &'static str)> {
                Err((StatusCode::CONFLICT, "it was never paid"))
            }
        },
    );
    for (name, handler) in [("quickstart_pay", paying), ("quickstart_refund", refunding)] {
        let lines = check(name, &handler).lines().count();
        assert!(lines < 60, "{name}: {lines} lines");
    }
}

#[test]
fn everything_at_once() {
    check("every_key", &everything(&TokenStream::new()));
}

#[test]
fn another_path_is_the_only_path() {
    let expansion = pretty(&everything(&quote!(crate = ::ours)));
    assert!(!expansion.contains("::audited"), "{expansion}");
    let model = derive(
        Role::Actor,
        quote! {
            #[audit(crate = ::ours, name = "{mail}")]
            struct User<T> { id: T, mail: String, #[audit(hash)] iban: T, #[audit(metadata = "b")] a: u8, #[audit(impersonated_by)] by: T }
        },
    );
    assert!(!pretty(&model).contains("::audited"), "{}", pretty(&model));
}

/// What an editor completes: its cursor stands behind the dot, in the body or, with a word put there, in the attribute.
#[test]
fn half_written_code_goes_through_as_it_is() {
    let function = quote! {
        fn see(invoice: Invoice) -> u64 {
            let half = invoice.
        }
    };
    let attribute = quote!(action = "invoice.seen", targets(invoice.cursor), metadata(note = invoice.cursor));
    let expansion = audited(attribute, function).to_string();
    assert!(expansion.contains("let half = invoice . }"), "{expansion}");
    assert_eq!(expansion.matches("invoice . cursor").count(), 2, "{expansion}");
    assert!(!expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn functions_without_async() {
    let attribute = || quote!(action = "invoice.seen", targets(invoice));
    let functions = [
        quote!(
            fn sync(invoice: &Invoice) -> u64 {
                invoice.id
            }
        ),
        quote!(
            fn never(invoice: &Invoice) -> ! {
                panic!()
            }
        ),
        quote!(
            fn future(invoice: Invoice) -> impl Future<Output = u64> {
                async move { invoice.id }
            }
        ),
        quote! {
            fn as_async_trait_leaves_it<'a>(invoice: Invoice) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>> {
                Box::pin(async move { invoice.id })
            }
        },
        quote!(
            fn boxed(invoice: Invoice) -> BoxFuture<'static, u64> {
                let id = invoice.id;
                Box::pin(async move { id })
            }
        ),
    ];
    let expansions: TokenStream = functions.into_iter().map(|function| audited(attribute(), function)).collect();
    check("without_async", &expansions);
}

#[test]
fn what_is_skipped_says_so() {
    check(
        "skipped",
        &audited(
            quote!(skip = "changes nothing"),
            quote!(
                fn health() -> u8 {
                    1
                }
            ),
        ),
    );
}

#[test]
fn a_function_with_a_wrong_attribute_stays_as_it_was() {
    check(
        "wrong",
        &audited(
            quote!(acton = "invoice.paid"),
            quote!(
                fn pay(invoice: Invoice) -> u64 {
                    invoice.id
                }
            ),
        ),
    );
}

#[test]
fn a_target() {
    check(
        "target",
        &derive(
            Role::Target,
            quote! {
                #[audit(type = "invoice", name = "{number} ({customer.name})")]
                struct Invoice<P> {
                    id: u64,
                    number: String,
                    customer: Customer,
                    #[audit(metadata = "tier")]
                    plan: Option<P>,
                    #[audit(metadata, with = cents)]
                    total: Money,
                    #[audit(mask(last = 4))]
                    iban: String,
                    notes: String,
                }
            },
        ),
    );
}

#[test]
fn an_actor_of_several_kinds() {
    check(
        "actor",
        &derive(
            Role::Actor,
            quote! {
                enum Caller {
                    User { #[audit(id)] sub: String, #[audit(organization)] org: String, #[audit(impersonated_by)] admin: Option<Admin> },
                    #[audit(delegate)]
                    Key(ApiKey),
                    #[audit(type = "system", id = "scheduler")]
                    System,
                }
            },
        ),
    );
}
