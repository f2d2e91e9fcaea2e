//! Other attributes above `#[audited]` and below it: the function stays theirs, and each call is told once.

use audited::testing::Recorder;
use audited::{AuditTarget, audited};
use axum::http::StatusCode;
use utoipa::OpenApi;

#[derive(AuditTarget, Clone)]
struct Invoice {
    id: u64,
}

const INVOICE: Invoice = Invoice { id: 7 };

fn outcomes(recorder: &Recorder) -> Vec<String> {
    recorder.events().iter().map(|event| event.outcome().to_owned()).collect()
}

#[audited(action = "invoice.seen", targets(invoice))]
#[tracing::instrument(skip_all, err)]
async fn above_instrument(invoice: Invoice) -> Result<u64, String> {
    Err(format!("{}", invoice.id))
}

#[tracing::instrument(skip_all, err)]
#[audited(action = "invoice.seen", targets(invoice))]
async fn below_instrument(invoice: Invoice) -> Result<u64, String> {
    Err(format!("{}", invoice.id))
}

#[tokio::test]
async fn tracing_instrument() {
    let recorder = Recorder::new();
    assert!(recorder.scope(above_instrument(INVOICE)).await.is_err());
    assert!(recorder.scope(below_instrument(INVOICE)).await.is_err());
    assert_eq!(outcomes(&recorder), ["failure", "failure"]);
}

#[axum::debug_handler]
#[audited(action = "invoice.seen", target(type = "invoice", id = body.len()))]
async fn below_debug_handler(body: String) -> Result<String, StatusCode> {
    Ok(body)
}

#[audited(action = "invoice.seen", target(type = "invoice", id = body.len()))]
#[axum::debug_handler]
async fn above_debug_handler(body: String) -> Result<String, StatusCode> {
    Ok(body)
}

#[tokio::test]
async fn axum_debug_handler() {
    let recorder = Recorder::new();
    assert!(recorder.scope(below_debug_handler("body".into())).await.is_ok());
    assert!(recorder.scope(above_debug_handler("body".into())).await.is_ok());
    let router: axum::Router =
        axum::Router::new().route("/", axum::routing::get(below_debug_handler).post(above_debug_handler));
    drop(router);
    assert_eq!(outcomes(&recorder), ["success", "success"]);
}

/// Below.
#[utoipa::path(get, path = "/below", params(("id" = u64, Path)), responses((status = 200)))]
#[audited(action = "invoice.seen", target(type = "invoice", id = id.0))]
async fn below_utoipa(id: axum::extract::Path<u64>) -> Result<String, StatusCode> {
    Ok(id.to_string())
}

/// Above.
#[audited(action = "invoice.seen", target(type = "invoice", id = id.0))]
#[utoipa::path(get, path = "/above", params(("id" = u64, Path)), responses((status = 200)))]
async fn above_utoipa(id: axum::extract::Path<u64>) -> Result<String, StatusCode> {
    if *id == 7 { Err(StatusCode::CONFLICT) } else { Ok(id.to_string()) }
}

#[derive(OpenApi)]
#[openapi(paths(below_utoipa, above_utoipa))]
struct Api;

#[tokio::test]
async fn utoipa_path() {
    let recorder = Recorder::new();
    assert!(recorder.scope(below_utoipa(axum::extract::Path(7))).await.is_ok());
    assert!(recorder.scope(above_utoipa(axum::extract::Path(7))).await.is_err());
    assert_eq!(outcomes(&recorder), ["success", "failure"]);
    let api = Api::openapi();
    for (path, summary) in [("/below", "Below."), ("/above", "Above.")] {
        let operation = api.paths.paths[path].get.as_ref().and_then(|operation| operation.summary.as_deref());
        assert_eq!(operation, Some(summary));
    }
}

#[tokio::main(flavor = "current_thread")]
#[audited(action = "job.run", target(type = "job", id = id))]
async fn below_tokio_main(id: u64) -> Result<u64, String> {
    tokio::task::yield_now().await;
    Err(id.to_string())
}

#[audited(action = "job.run", target(type = "job", id = id))]
#[tokio::main(flavor = "current_thread")]
async fn above_tokio_main(id: u64) -> Result<u64, String> {
    tokio::task::yield_now().await;
    Err(id.to_string())
}

#[test]
fn tokio_main() {
    let recorder = Recorder::new();
    let _installed = recorder.install();
    assert!(below_tokio_main(1).is_err());
    assert!(above_tokio_main(1).is_err());
    assert_eq!(outcomes(&recorder), ["failure", "failure"]);
}

#[tokio::test]
#[audited(action = "test.run", target(type = "test", id = 1))]
async fn below_tokio_test() {
    tokio::task::yield_now().await;
}

#[audited(action = "test.run", target(type = "test", id = 1))]
#[tokio::test]
async fn above_tokio_test() {
    tokio::task::yield_now().await;
}

#[async_trait::async_trait]
trait Ledger {
    async fn write(&self, invoice: &Invoice) -> Result<u64, String>;

    #[audited(action = "invoice.read", targets(invoice))]
    async fn read(&self, invoice: &Invoice) -> Result<u64, String> {
        self.write(invoice).await.map_err(|error| error + "!")
    }
}

struct Book;

#[async_trait::async_trait]
impl Ledger for Book {
    #[tracing::instrument(skip_all)]
    #[audited(action = "invoice.written", targets(invoice))]
    async fn write(&self, invoice: &Invoice) -> Result<u64, String> {
        tokio::task::yield_now().await;
        Err(invoice.id.to_string())
    }
}

struct Copy(Book);

#[async_trait::async_trait]
impl Ledger for Copy {
    #[audited(action = "invoice.written", targets(invoice))]
    #[tracing::instrument(skip_all)]
    async fn write(&self, invoice: &Invoice) -> Result<u64, String> {
        self.0.write(invoice).await
    }
}

#[tokio::test]
async fn async_trait_around_both() {
    let recorder = Recorder::new();
    assert_eq!(recorder.scope(async { Copy(Book).read(&INVOICE).await }).await, Err("7!".to_owned()));
    let told: Vec<_> =
        recorder.events().iter().map(|event| (event.action().to_owned(), event.outcome().to_owned())).collect();
    let failed = |action: &str| (action.to_owned(), "failure".to_owned());
    assert_eq!(told, [failed("invoice.written"), failed("invoice.written"), failed("invoice.read")]);
}
