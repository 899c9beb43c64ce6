//! The page as a real browser shows it. The pictures stay in `report/` of cargo's folder
//! for tests' files, to be looked at.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::fabricated::mixed;

/// A way to look at the page.
struct Look {
    name: &'static str,
    width: u32,
    medium: &'static str,
    scheme: &'static str,
}

const LOOKS: [Look; 6] = [
    look("phone-light", 360, "screen", "light"),
    look("phone-dark", 360, "screen", "dark"),
    look("tablet-light", 768, "screen", "light"),
    look("desktop-light", 1280, "screen", "light"),
    look("desktop-dark", 1280, "screen", "dark"),
    // A4 minus its margins, at 96 pixels per inch; paper is white even in dark mode.
    look("paper", 688, "print", "dark"),
];

const fn look(name: &'static str, width: u32, medium: &'static str, scheme: &'static str) -> Look {
    Look {
        name,
        width,
        medium,
        scheme,
    }
}

#[test]
#[ignore = "needs chromium: make test-report"]
fn the_page_is_readable_everywhere() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("report");
    fs::create_dir_all(&folder).unwrap();
    // The page of a real run can be rendered as well.
    let page = match std::env::var_os("REPORT_HTML") {
        Some(page) => PathBuf::from(page),
        None => {
            let page = folder.join("report.html");
            fs::write(&page, mixed().html()).unwrap();
            page
        }
    };
    let mut browser = Browser::start();
    let mut complaints = Vec::new();
    for look in &LOOKS {
        let found = show(&mut browser, &page, look);
        complaints.extend(found.iter().map(|c| format!("{}: {c}", look.name)));
        picture(&mut browser, &folder.join(format!("{}.png", look.name)));
    }
    let pdf = browser.call("Page.printToPDF", json!({ "preferCSSPageSize": true }));
    keep(&folder.join("report.pdf"), &pdf);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Opens the page and says what is wrong with it.
fn show(browser: &mut Browser, page: &Path, look: &Look) -> Vec<String> {
    let phone = look.width < 600;
    let metrics = json!({
        "width": look.width,
        "height": 800,
        "deviceScaleFactor": 1,
        "mobile": phone,
    });
    browser.call("Emulation.setDeviceMetricsOverride", metrics);
    let scheme = json!({ "name": "prefers-color-scheme", "value": look.scheme });
    let media = json!({ "media": look.medium, "features": [scheme] });
    browser.call("Emulation.setEmulatedMedia", media);
    browser.open(page);
    let width = browser.evaluate("document.documentElement.clientWidth");
    assert_eq!(width, look.width, "{}", look.name);
    let found = browser.evaluate(include_str!("readable.js"));
    let mut complaints: Vec<String> = serde_json::from_value(found).unwrap();
    complaints.extend(unheard(browser));
    complaints.extend(noise(browser));
    complaints
}

/// Messages on the console, exceptions, and requests other than for the page itself.
fn noise(browser: &Browser) -> Vec<String> {
    let mut noise = Vec::new();
    for event in [
        "Runtime.consoleAPICalled",
        "Runtime.exceptionThrown",
        "Log.entryAdded",
    ] {
        noise.extend(browser.reported(event).iter().map(ToString::to_string));
    }
    let requests = browser.reported("Network.requestWillBeSent");
    let urls = requests.iter().map(|r| r["request"]["url"].to_string());
    let urls: Vec<_> = urls.filter(|url| url != "\"data:,\"").collect();
    if urls.len() != 1 {
        noise.push(format!("requests: {urls:?}"));
    }
    noise
}

fn picture(browser: &mut Browser, path: &Path) {
    let whole = json!({ "format": "png", "captureBeyondViewport": true });
    let size = browser.call("Page.getLayoutMetrics", json!({}));
    let size = &size["cssContentSize"];
    let clip = json!({
        "x": 0, "y": 0, "scale": 1,
        "width": size["width"], "height": size["height"],
    });
    let mut params = whole;
    params["clip"] = clip;
    let shot = browser.call("Page.captureScreenshot", params);
    keep(path, &shot);
}

fn keep(path: &Path, answer: &Value) {
    let bytes = BASE64_STANDARD.decode(answer["data"].as_str().unwrap());
    fs::write(path, bytes.unwrap()).unwrap();
}

/// Tables stay tables for those who hear them, cards or not.
fn unheard(browser: &mut Browser) -> Vec<String> {
    let tree = browser.call("Accessibility.getFullAXTree", json!({}));
    let nodes = tree["nodes"].as_array().unwrap();
    let heard = |role: &str| nodes.iter().filter(|n| n["role"]["value"] == role).count();
    let mut complaints = Vec::new();
    for (role, selector) in [("table", "table"), ("row", "tr"), ("cell", "td")] {
        let shown = browser.evaluate(&format!("document.querySelectorAll('{selector}').length"));
        if heard(role) < shown.as_u64().unwrap() as usize {
            complaints.push(format!("{} of {shown} <{selector}> are heard", heard(role)));
        }
    }
    complaints
}
