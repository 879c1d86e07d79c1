//! What the search for the source tenant's identity costs for 2,000 policies, measured against the
//! work of a capture on the same policies: reading the JSON, capturing, fingerprints, writing the JSON.
//!
//! `cargo bench -p domain --bench text_search`. The figure that must hold: at most 10 %.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::canonical::{self, Reading};
use domain::capture::{self, RawPolicy};
use domain::model::CapturedPolicy;
use domain::policy_type;
use domain::references::ReferenceCatalog;
use domain::secret::SecretKey;
use domain::selection::{Carry, Options};
use domain::steps::TextSearch;
use serde_json::{Value, json};

const POLICIES: usize = 2_000;
const ROUNDS: usize = 5;
const TENANT: &str = "f768064f-9585-47ad-a39e-ded24c2c063f";

/// Type and object as Graph answers it: of every five, two settings catalogues, a script, a profile
/// with a payload, a custom configuration.
fn object(number: usize) -> (&'static str, Value) {
    let name = format!("Benchmark {number:05}");
    match number % 5 {
        0 | 1 => ("configurationPolicies", catalog(&name, number)),
        2 => {
            let lines = (0..120).fold(String::new(), |mut text, line| {
                let key = format!("HKLM:\\Software\\Contoso\\{line}");
                let _ = write!(
                    text,
                    "$value{line} = Get-ItemProperty -Path '{key}' -Name Version\r\n"
                );
                text
            });
            let script = json!({"id": format!("s{number}"), "displayName": name, "description": "A script",
                "fileName": "run.ps1", "runAsAccount": "system", "roleScopeTagIds": ["0"],
                "scriptContent": STANDARD.encode(lines)});
            ("deviceManagementScripts", script)
        }
        3 => {
            let keys = (0..60).fold(String::new(), |mut text, key| {
                let _ = write!(
                    text,
                    "\t<key>Setting{key}</key>\n\t<string>value &amp; {key}</string>\n"
                );
                text
            });
            let profile = json!({"@odata.type": "#microsoft.graph.macOSCustomConfiguration",
                "id": format!("p{number}"), "displayName": name, "payloadName": "profile",
                "payloadFileName": "profile.mobileconfig", "roleScopeTagIds": ["0"],
                "payload": STANDARD.encode(format!("<plist><dict>{keys}</dict></plist>"))});
            ("deviceConfigurations", profile)
        }
        _ => {
            let settings: Vec<Value> = (0..20)
                .map(|setting| json!({"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "Setting",
                    "omaUri": format!("./Device/Vendor/MSFT/Policy/Config/Area/Setting{setting}"),
                    "value": "<enabled/><data id=\"Value\" value=\"https://intranet.example/%20page\"/>"}))
                .collect();
            let custom = json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration",
                "id": format!("c{number}"), "displayName": name, "roleScopeTagIds": ["0"], "omaSettings": settings});
            ("deviceConfigurations", custom)
        }
    }
}

fn catalog(name: &str, number: usize) -> Value {
    const PREFIX: &str = "#microsoft.graph.deviceManagementConfiguration";
    let settings: Vec<Value> = (0..40)
        .map(|setting| {
            json!({"id": setting.to_string(), "settingInstance": {
                "@odata.type": format!("{PREFIX}SimpleSettingInstance"),
                "settingDefinitionId": format!("device_vendor_msft_policy_config_bench_setting{setting}"),
                "settingInstanceTemplateReference": null,
                "simpleSettingValue": {"@odata.type": format!("{PREFIX}StringSettingValue"),
                    "settingValueTemplateReference": null,
                    "value": format!("C:\\Program Files\\Tool {number}\\setting-{setting}.exe")}}})
        })
        .collect();
    json!({"id": format!("{number:08x}-0000-4000-8000-000000000000"), "name": name, "description": "A policy",
        "platforms": "windows10", "technologies": "mdm", "roleScopeTagIds": ["0"],
        "templateReference": {"templateId": "", "templateFamily": "none"}, "settings": settings})
}

fn read(key: &str, text: &str, secrets: &SecretKey) -> Option<CapturedPolicy> {
    let row = policy_type::find(key)?;
    let mut item: Value = serde_json::from_str(text).ok()?;
    let mut raw = RawPolicy {
        assignments: row.assignments.map(|_| Vec::new()),
        sub_collections: BTreeMap::new(),
        item: Value::Null,
    };
    for sub in row.sub_collections {
        if let Some(Value::Array(items)) = item.as_object_mut()?.remove(sub.property) {
            raw.sub_collections.insert(sub.property.to_owned(), items);
        }
    }
    raw.item = item;
    let policy = capture::capture(row, raw, secrets).ok()?;
    let catalog = ReferenceCatalog::default();
    black_box(canonical::fingerprints(
        row,
        &policy,
        Reading::Meaning(&catalog),
    ));
    black_box(serde_json::to_string(&policy.content).ok()?);
    Some(policy)
}

fn main() {
    let objects: Vec<(&str, String)> = (0..POLICIES)
        .map(object)
        .map(|(key, object)| (key, object.to_string()))
        .collect();
    let bytes: usize = objects.iter().map(|(_, text)| text.len()).sum();
    let secrets = SecretKey {
        key_id: "bench".to_owned(),
        key: b"bench".to_vec(),
    };
    let options = Options {
        assignments: Carry::Map,
        ..Options::default()
    };
    let domains: Vec<String> = (0..20)
        .map(|n| format!("brand{n}.contoso.example"))
        .collect();
    let literals = || domains.iter().map(String::as_str).chain([TENANT]);
    let (mut capture, mut literal, mut id, mut sid) =
        (Duration::MAX, Duration::MAX, Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let policies: Vec<CapturedPolicy> = objects
            .iter()
            .filter_map(|(key, text)| read(key, text, &secrets))
            .collect();
        capture = capture.min(began.elapsed());
        assert_eq!(policies.len(), POLICIES, "every object is captured");
        let time = |search: TextSearch, all: fn(&TextSearch, &CapturedPolicy, Options) -> usize| {
            let began = Instant::now();
            let found: usize = policies
                .iter()
                .map(|policy| all(&search, policy, options))
                .sum();
            assert_eq!(found, 0, "nothing is there");
            began.elapsed()
        };
        let literals_in: fn(&TextSearch, &CapturedPolicy, Options) -> usize =
            |search, policy, options| search.literals_in(policy, options).len();
        literal = literal.min(time(TextSearch::literals(literals()), literals_in));
        sid = sid.min(time(TextSearch::security_identifiers(), literals_in));
        id = id.min(time(TextSearch::ids(), |search, policy, options| {
            search.ids_in(policy, options).len()
        }));
    }
    // Security identifiers are looked for by the capture itself.
    let own = capture.saturating_sub(sid);
    let share = |part: Duration| 100.0 * part.as_secs_f64() / own.as_secs_f64();
    println!(
        "{POLICIES} policies, {} KB: capture {:.0} ms; of that, security identifiers {:.1} ms ({:.1} %), literals {:.1} ms \
         ({:.1} %), ids of objects {:.1} ms ({:.1} %)",
        bytes / 1024,
        own.as_secs_f64() * 1000.0,
        sid.as_secs_f64() * 1000.0,
        share(sid),
        literal.as_secs_f64() * 1000.0,
        share(literal),
        id.as_secs_f64() * 1000.0,
        share(id),
    );
    let all = share(sid) + share(literal);
    assert!(all <= 10.0, "the search costs {all:.1} % of a capture");
}
