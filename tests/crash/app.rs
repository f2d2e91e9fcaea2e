//! The application: this test binary, run once more.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use audited::tower::AuditLayer;
use audited::{AuditLog, Unavailable, audited};
use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

const DIR: &str = "AUDITED_TEST_DIR";
const WORKOS: &str = "AUDITED_TEST_WORKOS";

/// Why a call was not done.
struct Refused(Unavailable);

impl From<Unavailable> for Refused {
    fn from(why: Unavailable) -> Self {
        Self(why)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0.to_string()).into_response()
    }
}

#[audited(action = "invoice.paid", organization = format!("org_{}", id % 5), target(type = "invoice", id = id))]
async fn pay(axum::extract::Path(id): axum::extract::Path<u64>) -> &'static str {
    let _ = id;
    "paid"
}

#[audited(action = "invoice.closed", organization = "org_1", target(type = "invoice", id = id), durability = strict)]
async fn close(axum::extract::Path(id): axum::extract::Path<u64>) -> Result<&'static str, Refused> {
    let _ = id;
    tokio::task::yield_now().await;
    Ok("closed")
}

#[test]
#[ignore = "the process that the other tests kill"]
fn serve() {
    let (Some(dir), Ok(url)) = (std::env::var_os(DIR), std::env::var(WORKOS)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let audit = AuditLog::builder().api_key("sk_test").base_url(url).outbox_dir(dir).pace(None);
        let audit = audit.start().await.unwrap();
        let router = Router::new()
            .route("/pay/{id}", post(pay))
            .route("/close/{id}", post(close))
            .route("/exit", post(async || -> () { std::process::exit(0) }))
            .route("/abort", post(async || -> () { std::process::abort() }))
            .layer(AuditLayer::new().log(&audit));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = format!("\nlistens on {}\n", listener.local_addr().unwrap());
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
    });
}

/// Starts the application.
pub(crate) fn start(dir: &Path, workos: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "app::serve", "--ignored", "--nocapture"]).env(DIR, dir).env(WORKOS, workos);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Where it listens, once it does; none if it ended before.
pub(crate) fn address(app: &mut Child) -> Option<SocketAddr> {
    let lines = BufReader::new(app.stdout.take()?).lines();
    lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listens on ")?.parse().ok())
}
