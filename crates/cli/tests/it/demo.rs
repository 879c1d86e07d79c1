//! The demo as a newcomer runs it, and the client commands against the installation it leaves up.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::every_command::{System, every_command_does_what_it_says};

/// A demo that stays up; asked to stop when dropped.
struct Demo {
    child: Child,
    variables: Vec<(String, String)>,
}

impl Demo {
    /// Starts it and reads its story to the end.
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_promotionctl"))
            .args(["demo", "--keep"])
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut story = String::new();
        let mut variables = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            story.push_str(&line);
            story.push('\n');
            let words = line.split(' ').filter_map(|word| word.split_once('='));
            variables.extend(
                words
                    .filter(|(name, _)| name.starts_with("PROMOTION_"))
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
            if line.contains("until ctrl-c") {
                break;
            }
        }
        assert!(story.contains("Every ready subject landed once"), "{story}");
        assert_eq!(variables.len(), 3, "{story}");
        Self { child, variables }
    }

    fn run(&self, line: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_promotionctl"))
            .args(line.split(' ').map(|word| word.replace('+', " ")))
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The README's script as a pipeline runs it, promoting back what the target has more.
    fn runs_the_script_of_the_readme(&self) {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
        let readme = std::fs::read_to_string(readme).unwrap();
        let (_, section) = readme.split_once("## For scripts").unwrap();
        let (section, _) = section.split_once("\n## ").unwrap();
        let script: Vec<String> = section
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .filter(|line| !line.starts_with("export "))
            .map(|line| {
                line.replace("Fabrikam", "\u{0}")
                    .replace("\"Contoso Lab\"", "Fabrikam")
                    .replace('\u{0}', "\"Contoso Lab\"")
            })
            .collect();
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_promotionctl"));
        let path = format!(
            "{}:{}",
            binary.parent().unwrap().display(),
            std::env::var("PATH").unwrap()
        );
        let folder = tempfile::tempdir().unwrap();
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &script.join("\n")])
            .current_dir(folder.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("PATH", path)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{script:?}: {said}{error}");
        // The run that the execute printed; what stands behind it is of the commands after it.
        let printed = said.get(said.find('{').unwrap()..).unwrap();
        let mut values = serde_json::Deserializer::from_str(printed).into_iter::<Value>();
        let run = values.next().unwrap().unwrap();
        assert_eq!(run["outcome"], "succeeded", "{error}");
    }

    /// The JSON of a command that ends with this code.
    fn json(&self, line: &str, code: i32) -> Value {
        let output = self.run(line);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}: {error}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn interrupt(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &pid])
                .status()
                .unwrap()
                .success()
        );
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_stays_up_for_the_client_commands_and_ends_on_ctrl_c() {
    let mut demo = Demo::start();
    let pair = "--source Contoso+Lab --target Fabrikam --json";

    let run = demo.json(
        "sync --tenant Fabrikam --types roleScopeTags --wait --json",
        0,
    );
    assert_eq!(run["outcome"], "succeeded");
    let compare = demo.json(&format!("compare {pair} --detailed-exitcode"), 2);
    assert!(compare["summary"]["match"].as_u64() > Some(0));
    let narrow = demo.json(&format!("compare {pair} --types windowsUpdateRings"), 0);
    assert_eq!(narrow["summary"]["match"], narrow["summary"]["total"]);
    let preflight = demo.json(&format!("preflight {pair}"), 0);
    demo.json(&format!("preflight {pair} --detailed-exitcode"), 3);
    assert_eq!(preflight["executable"], false);
    let nothing = demo.json(&format!("preflight {pair} --types windowsUpdateRings"), 0);
    assert_eq!(nothing["summary"]["ready"], 0);
    let refused = demo.json(&format!("execute {pair} --yes"), 3);
    assert_eq!(refused["code"], "blocked");

    let runs = demo.json("runs list --type promotion.execute --json", 0);
    let id = runs["items"][0]["id"].as_str().unwrap().to_owned();
    let shown = demo.json(&format!("runs show {id} --json"), 0);
    assert_eq!(shown["summary_counts"]["failed"], 0);
    let items = demo.json(&format!("runs show {id} --items --json"), 0);
    let total = shown["summary_counts"]["total"].as_u64().unwrap();
    assert_eq!(items["items"].as_array().unwrap().len() as u64, total);
    demo.json(&format!("runs watch {id} --json"), 0);
    let cancelled = demo.json(&format!("runs cancel {id} --json"), 1);
    assert_eq!(cancelled["code"], "already_completed");

    demo.runs_the_script_of_the_readme();

    every_command_does_what_it_says(&System(&demo.variables));
    let report = demo.run(&format!("report --run {id}"));
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    assert!(
        report.starts_with("# Promotion execution\\: succeeded"),
        "{report}"
    );
    let folder = tempfile::tempdir().unwrap();
    let (plan, page) = (folder.path().join("plan"), folder.path().join("page"));
    let (plan, page) = (plan.display(), page.display());
    let pair = "--source Contoso+Lab --target Fabrikam";
    demo.run(&format!("preflight {pair} --out {plan}"));
    demo.run(&format!(
        "report --preflight {plan} --format html --out {page}"
    ));
    let page = std::fs::read_to_string(page.to_string()).unwrap();
    assert!(page.contains("Planned promotion to Fabrikam"), "{page}");

    let listed = demo.run("runs list");
    assert!(String::from_utf8_lossy(&listed.stdout).contains(&id));
    assert_eq!(
        demo.interrupt(),
        Some(0),
        "ctrl-c ends a demo that succeeded with 0"
    );
}
