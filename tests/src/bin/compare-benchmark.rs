//! How long a compare of two captured tenants takes, and how much memory the API needs for it.
//!
//! `cargo run --release -p promotion-tests --bin compare-benchmark [policies] [changed per cent]`
//! generates two tenants (2,000 policies each, one in ten changed), captures both through the real
//! worker, then asks one API process for the same compare twenty times. Prints one line.
#![expect(
    clippy::print_stdout,
    reason = "the figures are the purpose of this program"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use promotion_tests::stack::{Content, Plan, Stack};
use serde_json::json;

const ROUNDS: usize = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let policies = arguments.next().transpose()?.unwrap_or(2000);
    let changed = arguments.next().transpose()?.unwrap_or(10);
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    generate(&source, policies, 0)?;
    generate(&target, policies, changed)?;
    let plan = Plan {
        source: Content::Folder(source),
        target: Content::Folder(target),
        worker_env: vec![(
            "PROMOTION_GRAPH_READS_PER_20S".to_owned(),
            "1000000".to_owned(),
        )],
        ..Plan::default()
    };
    let process = std::env::current_exe()?.with_file_name("promotion-process");
    let stack = Stack::start(process.to_str().context("path of the process")?, plan).await?;
    for tenant in [&stack.source, &stack.target] {
        let id = stack.api.start_sync(tenant).await?;
        stack
            .api
            .wait_for_run(&id, Duration::from_secs(1800))
            .await?;
    }
    let selection = stack.selection();
    let first = Instant::now();
    let answer = stack.api.compare(&selection).await?;
    let cold = first.elapsed();
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        stack.api.compare(&selection).await?;
        times.push(start.elapsed());
    }
    times.sort();
    let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
    let slowest = times.last().copied().unwrap_or_default();
    let resident = stack
        .apis
        .first()
        .context("an API process")?
        .resident_bytes()?;
    println!(
        "compare: 2 x {policies} policies, {} | first {} ms | warm median {} ms, slowest {} ms of {ROUNDS} | API resident {} MiB",
        json!(answer["summary"]),
        cold.as_millis(),
        median.as_millis(),
        slowest.as_millis(),
        resident >> 20,
    );
    Ok(())
}

/// Writes exports: settings catalogue policies of 20 settings and custom profiles, by turns.
fn generate(folder: &Path, policies: usize, changed_per_cent: usize) -> Result<()> {
    for (name, odd) in [("configurationPolicies", 0), ("deviceConfigurations", 1)] {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for number in (0..policies).filter(|number| number % 2 == odd) {
            let changed = number * changed_per_cent / 100 != (number + 1) * changed_per_cent / 100;
            let value = if changed { 2 } else { 1 };
            let object = if odd == 0 {
                catalog(number, value)
            } else {
                custom(number, value)
            };
            std::fs::write(folder.join(format!("{number}.json")), object.to_string())?;
        }
    }
    Ok(())
}

fn catalog(number: usize, value: u32) -> serde_json::Value {
    let settings: Vec<serde_json::Value> = (0..20)
        .map(|index| {
            json!({"id": index.to_string(), "settingInstance": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
                "settingDefinitionId": format!("device_vendor_msft_bench_setting{index}"),
                "simpleSettingValue": {
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
                    "value": value,
                },
            }})
        })
        .collect();
    json!({"name": format!("Catalogue {number:05}"), "description": "benchmark", "platforms": "windows10",
        "technologies": "mdm", "roleScopeTagIds": ["0"],
        "templateReference": {"templateId": "", "templateFamily": "none"}, "settings": settings})
}

fn custom(number: usize, value: u32) -> serde_json::Value {
    json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "displayName": format!("Custom {number:05}"), "description": "benchmark", "roleScopeTagIds": ["0"],
        "omaSettings": [{"@odata.type": "#microsoft.graph.omaSettingInteger", "displayName": "value",
            "omaUri": "./Device/Vendor/MSFT/Bench", "value": value}]})
}
