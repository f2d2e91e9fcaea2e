//! Clients that go away from actix-web.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use audited::actix_web::AuditMiddleware;
use audited::audited;
use audited::testing::Recorder;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::serve;
use crate::support::leaving::{self, Begun, pay};
use crate::support::people::{Thing, only};

async fn handler(begun: Data<Begun>, id: Path<u64>) -> HttpResponse {
    pay(&begun, *id).await;
    HttpResponse::Ok().finish()
}

/// How the calls ended, each told once, when all of these `clients` have gone away.
macro_rules! ends {
    ($clients:path) => {{
        let (recorder, begun) = (Recorder::new(), Begun::default());
        let audit = AuditMiddleware::new().log(&recorder.log());
        let data = Data::new(begun.clone());
        let (address, server) = serve(audit, move |routes| {
            routes.app_data(data.clone()).route("/things/{id}", web::post().to(handler));
        });
        $clients(address).await;
        let ends = leaving::ends(&recorder, &begun).await;
        server.stop(false).await;
        ends
    }};
}

/// Of most connections actix-web sees only when it answers that they are gone. How many calls begin before their client leaves
/// depends on the machine; each that began is told once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_1() {
    let ends = ends!(leaving::over_http_1);
    assert!(ends.succeeded > 0, "{ends:?}");
}

/// Over HTTP/2 it runs each handler on a task of its own, and does not look whether anybody waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_http_2() {
    let ends = ends!(leaving::over_http_2);
    assert!(ends.cancelled == 0 && ends.succeeded > 0, "{ends:?}");
}

#[audited(action = "thing.exported", targets(Thing { id: 1 }))]
async fn export(begun: &Notify) -> HttpResponse {
    begun.notify_one();
    std::future::pending().await
}

#[tokio::test]
async fn a_handler_that_is_dropped_with_its_server_is_cancelled() {
    let recorder = Recorder::new();
    let begun = Arc::new(Notify::new());
    let data = Data::from(begun.clone());
    let (address, server) = serve(AuditMiddleware::new().log(&recorder.log()), move |routes| {
        let handler = async |begun: Data<Notify>| export(&begun).await;
        routes.app_data(data.clone()).route("/export", web::post().to(handler));
    });
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"POST /export HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    begun.notified().await;
    server.stop(false).await;
    let told = async {
        while recorder.events().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), told).await.expect("the call is told");
    assert_eq!(only(&recorder).outcome(), "cancelled");
}
