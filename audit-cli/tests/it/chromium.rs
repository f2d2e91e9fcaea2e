//! A real Chromium, headless, driven over WebDriver.
//!
//! Without Chromium and its driver the tests of the page are skipped, loudly; with `CI=true` they
//! fail instead.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, skip};

/// How the page is looked at.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

pub(crate) const DESKTOP: Look = Look { width: 1280, height: 800, dark: false };

pub(crate) const PHONE: Look = Look { width: 390, height: 844, dark: false };

/// A browser and its driver; both end with it.
pub(crate) struct Chromium {
    pub(crate) client: Client,
    driver: Child,
    _profile: TempDir,
    /// One at a time: a browser fills a small machine by itself.
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

impl Chromium {
    /// Starts one, or says why the test is skipped.
    pub(crate) async fn start(look: Look) -> Option<Self> {
        let alone = ALONE.lock().await;
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                skip(&format!("the page cannot be looked at without chromedriver: {error}"));
                return None;
            }
        };
        let port = port(&mut driver);
        let profile = tempfile::tempdir().unwrap();
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities(look, &profile))
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver starts Chromium");
        Some(Self { client, driver, _profile: profile, _alone: alone })
    }

    /// The element, as soon as it is there.
    pub(crate) async fn element(&self, css: &str) -> fantoccini::elements::Element {
        let wait = self.client.wait().at_most(PATIENCE);
        let element = wait.for_element(Locator::Css(css)).await;
        element.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// Evaluates an expression in the page.
    pub(crate) async fn eval(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        self.client.execute(&script, Vec::new()).await.unwrap()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = std::time::Instant::now() + PATIENCE;
        loop {
            if self.eval(expression).await == json!(true) {
                return;
            }
            if std::time::Instant::now() > deadline {
                let text = self.eval("document.body.innerText").await;
                panic!("never true: {expression}; the page says {text}");
            }
        }
    }

    /// Types a key or text into what has the focus.
    pub(crate) async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.unwrap();
        focused.send_keys(keys).await.unwrap();
    }

    /// Keeps a picture if `AUDITED_SCREENSHOTS` names a directory.
    pub(crate) async fn picture(&self, name: &str) {
        if let Some(directory) = std::env::var_os("AUDITED_SCREENSHOTS") {
            let picture = self.client.screenshot().await.unwrap();
            let path = std::path::Path::new(&directory).join(format!("{name}.png"));
            std::fs::write(path, picture).unwrap();
        }
    }

    /// Ends the browser before its driver is killed.
    pub(crate) async fn end(self) {
        self.client.clone().close().await.unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn port(driver: &mut Child) -> u16 {
    let mut output = BufReader::new(driver.stdout.take().unwrap());
    let mut line = String::new();
    loop {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "chromedriver names no port");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim().trim_end_matches('.').parse().unwrap();
        }
    }
}

fn capabilities(look: Look, profile: &TempDir) -> Capabilities {
    let mut arguments = vec![
        "--headless".to_owned(),
        "--no-sandbox".into(),
        "--disable-gpu".into(),
        "--disable-quic".into(),
        "--no-first-run".into(),
        "--disable-background-networking".into(),
        "--disable-component-update".into(),
        "--disable-sync".into(),
        "--disable-dev-shm-usage".into(),
        format!("--user-data-dir={}", profile.path().display()),
        format!("--window-size={},{}", look.width, look.height),
    ];
    if look.dark {
        arguments.push("--blink-settings=preferredColorScheme=0".into());
    }
    let mut options = json!({"args": arguments});
    // A window is never as narrow as a phone, so a phone is emulated.
    if look.width < 600 {
        let metrics = json!({"width": look.width, "height": look.height, "pixelRatio": 1.0});
        options["mobileEmulation"] = json!({"deviceMetrics": metrics});
    }
    let logging = json!({"browser": "ALL"});
    let mut capabilities = Capabilities::new();
    capabilities.insert("goog:chromeOptions".into(), options);
    capabilities.insert("goog:loggingPrefs".into(), logging);
    capabilities
}
