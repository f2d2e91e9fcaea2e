//! The page at `/` and its files, which are part of the program.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use axum::routing::get;

/// Scripts, styles and requests only from here; no HTML from text, by the browser's own check.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Path, type and content of every file.
const FILES: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("../../page/index.html")),
    ("/_audited/page/page.css", CSS, include_str!("../../page/page.css")),
    ("/_audited/page/icon.svg", SVG, include_str!("../../page/icon.svg")),
    ("/_audited/page/main.js", SCRIPT, include_str!("../../page/main.js")),
    ("/_audited/page/dom.js", SCRIPT, include_str!("../../page/dom.js")),
    ("/_audited/page/words.js", SCRIPT, include_str!("../../page/words.js")),
    ("/_audited/page/filter.js", SCRIPT, include_str!("../../page/filter.js")),
    ("/_audited/page/table.js", SCRIPT, include_str!("../../page/table.js")),
    ("/_audited/page/detail.js", SCRIPT, include_str!("../../page/detail.js")),
    ("/_audited/page/chart.js", SCRIPT, include_str!("../../page/chart.js")),
    ("/_audited/page/faults.js", SCRIPT, include_str!("../../page/faults.js")),
    ("/_audited/page/actions.js", SCRIPT, include_str!("../../page/actions.js")),
];

/// The routes of the page.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, &(path, kind, content)| {
        router.route(path, get(move || async move { file(kind, content) }))
    })
}

fn file(kind: &'static str, content: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        // A newer program has a newer page.
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
