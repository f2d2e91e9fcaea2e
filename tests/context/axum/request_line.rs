//! Method, route, parameters, chosen headers, geolocation, trace and a program's own metadata.

use audited::audited;
use audited::testing::Recorder;
use audited::tower::{AuditLayer, Geolocation, Names};
use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};

use crate::support::people::{Thing, only};
use crate::support::server::{Headers, Server};

#[audited(action = "thing.viewed", targets(Thing { id: 1 }))]
async fn view() {}

/// The metadata and the organization of the event of one request.
async fn told(layer: AuditLayer, path: &str, headers: Headers<'_>) -> (Value, String) {
    let recorder = Recorder::new();
    let layer = layer.log(&recorder.log()).without_request_id();
    let tenants = Router::new().route("/things/{thing}", get(view));
    let server = Server::start(Router::new().nest("/tenants/{tenant_id}", tenants).layer(layer)).await;
    assert_eq!(server.get(path, headers).await.status, 200);
    let event = only(&recorder);
    (event.json()["event"]["metadata"].clone(), event.organization().to_owned())
}

#[tokio::test]
async fn nothing_is_told_that_was_not_asked_for() {
    let headers: Headers<'_> = &[("cf-ipcity", b"Rome"), ("traceparent", b"00-x"), ("x-plan", b"pro")];
    let (metadata, organization) = told(AuditLayer::new(), "/tenants/t1/things/7?q=1", headers).await;
    assert_eq!((metadata, organization.as_str()), (Value::Null, ""));
}

#[tokio::test]
async fn the_first_line_of_a_request_is_told_as_asked() {
    let layer = AuditLayer::new()
        .method(true)
        .route(true)
        .route_parameters(["thing"])
        .query_parameters(["page", "sort"])
        .organization_from_path("tenant_id");
    let (metadata, organization) =
        told(layer, "/tenants/org%201/things/a%2Fb?page=2&page=3&sort=na+me%21&token=secret", &[]).await;
    let expected = json!({
        "method": "GET", "route": "/tenants/{tenant_id}/things/{thing}", "param_thing": "a/b",
        "query_page": "2", "query_sort": "na me!",
    });
    assert_eq!(metadata, expected);
    assert_eq!(organization, "org 1");
}

#[tokio::test]
async fn all_parameters_are_told_but_not_without_end_and_no_secret() {
    let layer = AuditLayer::new().route_parameters(Names::All).query_parameters(Names::All);
    let many: String = (0..5_000).map(|n| format!("&k{n}={n}")).collect();
    let (metadata, _) = told(layer, &format!("/tenants/t1/things/7?access_token=hunter2{many}"), &[]).await;
    assert_eq!(metadata["query_access_token"], "[redacted]");
    assert_eq!([&metadata["param_tenant_id"], &metadata["param_thing"]], ["t1", "7"]);
    assert_eq!(metadata.as_object().unwrap().len(), 2 + 20);
}

#[tokio::test]
async fn headers_geolocation_and_trace_are_told_by_name() {
    let layer = AuditLayer::new()
        .headers(["X-Plan", "X-Api-Key", "x-absent"])
        .geolocation(Geolocation::vercel())
        .trace_id(true);
    let headers: Headers<'_> = &[
        ("x-plan", b"pro"),
        ("x-plan", b"free"),
        ("x-api-key", b"hunter2"),
        ("x-vercel-ip-city", b"San%20Francisco"),
        ("x-vercel-ip-country", b"US"),
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ];
    let (metadata, _) = told(layer, "/tenants/t1/things/7", headers).await;
    let expected = json!({
        "header_x_plan": "pro", "header_x_api_key": "[redacted]", "geo_city": "San Francisco", "geo_country": "US",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    assert_eq!(metadata, expected);
}

#[tokio::test]
async fn each_network_says_where_a_client_is_in_its_own_headers() {
    let cases: &[(Geolocation, Headers<'_>, Value)] = &[
        (
            Geolocation::cloudflare(),
            &[("cf-ipcountry", b"IT"), ("cf-timezone", b"Europe/Rome")],
            json!({"geo_country": "IT", "geo_timezone": "Europe/Rome"}),
        ),
        (Geolocation::cloudfront(), &[("cloudfront-viewer-city", b"Rome")], json!({"geo_city": "Rome"})),
        (Geolocation::fastly(), &[("client-geo-country", b"IT")], json!({"geo_country": "IT"})),
        (
            Geolocation::app_engine(),
            &[("x-appengine-citylatlong", b"41.9,12.5"), ("x-appengine-city", b"")],
            json!({"geo_latitude": "41.9", "geo_longitude": "12.5"}),
        ),
        (Geolocation::headers([("geo_country", "x-country")]), &[("x-country", b"IT")], json!({"geo_country": "IT"})),
    ];
    for (network, headers, expected) in cases {
        let (metadata, _) = told(AuditLayer::new().geolocation(network.clone()), "/tenants/t/things/7", headers).await;
        assert_eq!(metadata, *expected, "{network:?}");
    }
}

#[tokio::test]
async fn a_programs_own_function_adds_what_it_reads_and_may_panic() {
    let layer = AuditLayer::new()
        .metadata(|request, metadata| {
            metadata.set("version", format!("{:?}", request.version)).set("headers", request.headers.len());
            panic!("on purpose");
        })
        .metadata(|_, metadata| {
            metadata.set("behind", true);
        })
        .organization_from(|request| request.headers.get("x-org")?.to_str().ok().map(str::to_owned));
    let (metadata, organization) = told(layer, "/tenants/t1/things/7", &[("x-org", b"org_9")]).await;
    assert_eq!(metadata, json!({"version": "HTTP/1.1", "headers": 4, "behind": true}));
    assert_eq!(organization, "org_9");
}
