//! The crates that are compiled.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// One way to write a handler.
pub(crate) struct Kind {
    pub name: &'static str,
    pub what: &'static str,
    /// What stands above each.
    attribute: fn(usize) -> String,
}

/// The first is what the others are held against.
pub(crate) const KINDS: &[Kind] = &[
    Kind { name: "handlers-bare", what: "bare", attribute: |_| String::new() },
    Kind {
        name: "handlers-instrumented",
        what: "`tracing::instrument`, six fields",
        attribute: |_| {
            "#[tracing::instrument(skip_all, fields(actor = %user.0.id, invoice = %id.0, currency = %request.0.currency, \
             amount = request.0.amount, note = %request.0.note, trial = request.0.trial))]\n"
                .to_owned()
        },
    },
    Kind {
        name: "handlers-debugged",
        what: "`axum::debug_handler`",
        attribute: |_| "#[axum::debug_handler]\n".to_owned(),
    },
    Kind {
        name: "handlers-audited",
        what: "**`#[audited]`**, actor, target, four values",
        attribute: |number| {
            format!(
                "#[audited(action = \"invoice.paid_{number}\", actor = user, target(type = \"invoice\", id = id), \
                 body(request: amount, currency, note, trial))]\n"
            )
        },
    },
];

/// A workspace of them.
pub(crate) struct Project {
    pub(crate) dir: PathBuf,
}

impl Project {
    pub(crate) fn write(handlers: usize) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let dir = root.join("target/compile-time");
        let names: Vec<_> = KINDS.iter().map(|kind| format!("{:?}", kind.name)).collect();
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("Cargo.toml"), format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", names.join(", ")))
            .unwrap();
        // The same versions as everywhere here.
        fs::copy(root.join("Cargo.lock"), dir.join("Cargo.lock")).unwrap();
        for kind in KINDS {
            let package = dir.join(kind.name);
            fs::create_dir_all(package.join("src")).unwrap();
            fs::write(package.join("Cargo.toml"), manifest(kind.name)).unwrap();
            fs::write(package.join("src/main.rs"), source(kind, handlers)).unwrap();
        }
        Self { dir }
    }

    /// Has a crate compiled again.
    pub(crate) fn touch(&self, name: &str) {
        let source = self.dir.join(name).join("src/main.rs");
        let text = fs::read(&source).unwrap();
        fs::write(source, text).unwrap();
    }
}

/// All have the same dependencies, so that they are compiled once.
fn manifest(name: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         audited = {{ path = \"../../..\", features = [\"axum\"] }}\n\
         axum = {{ version = \"0.8\", features = [\"macros\"] }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         tokio = {{ version = \"1\", features = [\"rt\", \"net\"] }}\ntracing = \"0.1\"\n"
    )
}

fn source(kind: &Kind, handlers: usize) -> String {
    let mut source = String::from(
        "#![allow(unused_imports, dead_code)]\nuse audited::{AuditActor, audited};\nuse axum::extract::{Extension, Json, Path};\n\
         use axum::http::StatusCode;\nuse axum::routing::post;\nuse axum::Router;\n\n\
         #[derive(Clone, AuditActor)]\nstruct User { id: String }\n\n\
         #[derive(serde::Deserialize)]\nstruct Request { amount: u64, currency: String, note: String, trial: bool }\n\n",
    );
    for number in 0..handlers {
        writeln!(
            source,
            "{}async fn pay_{number}(user: Extension<User>, id: Path<u64>, request: Json<Request>) -> Result<String, StatusCode> {{\n    \
             if request.trial {{ return Err(StatusCode::CONFLICT); }}\n    Ok(format!(\"{{}} {{}} {number}\", user.id, request.amount + id.0))\n}}\n",
            (kind.attribute)(number).replace("actor = user", "actor = user.0").replace("id = id)", "id = id.0)")
        )
        .unwrap();
    }
    source.push_str("fn app() -> Router {\n    let app = Router::new();\n");
    for number in 0..handlers {
        writeln!(source, "    let app = app.route(\"/{number}/{{id}}\", post(pay_{number}));").unwrap();
    }
    source.push_str("    app\n}\n\nfn main() {\n    drop(app());\n}\n");
    source
}
