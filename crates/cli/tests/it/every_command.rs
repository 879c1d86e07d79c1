//! The commands that are one call each, against a running system: what they print for people and for
//! programs, and how they end. Told by the demo's test, which has a system to share.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::command_line::{code, text};

/// A running system, as the environment names it.
pub(crate) struct System<'a>(pub(crate) &'a [(String, String)]);

impl System<'_> {
    fn run(&self, words: &[&str], input: &str, more: &[(&str, &str)]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_promotionctl"))
            .args(words)
            .env_clear()
            .envs(self.0.iter().cloned())
            .envs(more.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that reads nothing may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Standard output of a command that ends with 0. Words are split at blanks; `+` is a blank.
    fn said(&self, line: &str) -> String {
        self.ends(line, "", 0).0
    }

    fn ends(&self, line: &str, input: &str, ending: i32) -> (String, String) {
        let words: Vec<String> = line.split(' ').map(|word| word.replace('+', " ")).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = self.run(&words, input, &[("COLUMNS", "80")]);
        let (said, error) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(code(&output), ending, "{line}: {said}{error}");
        (said, error)
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.said(&format!("{line} --json"))).unwrap()
    }
}

/// All of it, in an order in which each finds what it needs.
pub(crate) fn every_command_does_what_it_says(system: &System<'_>) {
    tenants_and_connections(system);
    people_and_tokens(system);
    controls_and_audit(system);
    policies_and_references(system);
    selections(system);
    forms_of_output(system);
    profiles(system);
}

fn tenants_and_connections(system: &System<'_>) {
    let entra = "11111111-2222-4333-8444-555555555555";
    let added = system.json(&format!(
        "tenants add --name Northwind --entra-tenant-id {entra}"
    ));
    assert_eq!(added["display_name"], "Northwind");
    system.ends(
        &format!("tenants add --name Other --entra-tenant-id {entra}"),
        "",
        1,
    );
    assert!(system.said("tenants list").contains("Northwind"));
    assert!(
        system
            .said(&format!("tenants show {entra}"))
            .contains("name      Northwind")
    );
    system.said("tenants rename northwind --name Northwind+EU");

    let client = "4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64";
    let set = format!("connections set --tenant Northwind+EU --client-id {client}");
    let (said, error) = system.ends(&set, "very-secret\n", 0);
    assert!(said.contains("tenant          Northwind EU"), "{said}");
    assert!(!format!("{said}{error}").contains("very-secret"));
    let (_, error) = system.ends(&set, "", 1);
    assert!(error.contains("the client secret is empty"), "{error}");
    let shown = system.said("connections show --tenant Northwind+EU --output yaml");
    assert!(
        shown.contains("kind: client_secret") && !shown.contains("very-secret"),
        "{shown}"
    );
    let wrong = format!("{set} --client-secret very-secret");
    assert!(system.ends(&wrong, "", 1).1.contains("unexpected argument"));
    let (_, error) = system.ends("connections check --tenant Fabrikam --wait", "", 0);
    assert!(error.contains("Connection check"), "{error}");
    let (_, error) = system.ends("connections remove --tenant Northwind+EU", "", 1);
    assert!(error.contains("--yes"), "{error}");
    system.said("connections remove --tenant Northwind+EU --yes");
    system.ends("connections show --tenant Northwind+EU", "", 1);
    system.said("tenants remove Northwind+EU --yes");
    let (_, error) = system.ends("tenants show Northwind", "", 1);
    assert!(
        error.contains("there is \""),
        "what there is, is said: {error}"
    );
}

fn people_and_tokens(system: &System<'_>) {
    assert_eq!(system.json("me")["workspaces"][0]["role"], "owner");
    assert!(system.said("me").contains("role: owner"));
    let workspaces = system.json("workspaces list");
    let id = workspaces["items"][0]["id"].as_str().unwrap();
    assert!(system.said("workspaces show").contains(id));

    system.said("members add --service --name pipeline --role readonly");
    system.said("members change pipeline --role operator");
    system.said("members link pipeline --issuer https://login.example --subject 00u1");
    assert!(
        system
            .said("members list --output ndjson")
            .contains("\"subject\":\"00u1\"")
    );
    system.said("members unlink pipeline");
    system.said("tenant-members set pipeline --tenant Fabrikam --role manager");
    let roles = system.json("tenant-members list --tenant Fabrikam");
    assert_eq!(roles["items"][0]["role"], "manager");
    system.said("tenant-members remove pipeline --tenant Fabrikam");

    let create = "tokens create --name nightly --member pipeline --expires-in-days 9";
    let created = system.json(create);
    let token = created["token"].as_str().unwrap();
    assert!(token.starts_with("pat_"));
    let (said, error) = system.ends("tokens create --name weekly", "", 0);
    assert!(
        said.contains("pat_") && error.contains("only now"),
        "{said}{error}"
    );
    let listed = system.said("tokens list --output json");
    assert!(
        !listed.contains(token) && !listed.contains("pat_"),
        "{listed}"
    );
    system.said("tokens revoke nightly");
    let (_, error) = system.ends("tokens revoke nightly", "", 1);
    assert!(error.contains("no token is named"), "{error}");
    system.said("members remove pipeline");
}

fn controls_and_audit(system: &System<'_>) {
    let pause = "controls pause promotion.execute --tenant Fabrikam --reason change+freeze";
    let paused = system.json(pause);
    assert_eq!(paused["state"], "paused");
    let listed = system.said("controls list");
    assert!(
        listed.contains("promotion.execute  paused  Fabrikam"),
        "{listed}"
    );
    system.said("controls enable promotion.execute --tenant Fabrikam --reason over");
    let (_, error) = system.ends("controls pause nonsense --reason x", "", 1);
    assert!(
        error.contains("not_found") || error.contains("validation_failed"),
        "{error}"
    );

    let listed = system.said("audit list --limit 200 --output ndjson");
    assert!(listed.contains("\"operational_control."), "{listed}");
    let own = system.json("audit list --tenant Fabrikam --action promotion.execute.queued");
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    let notifications = system.json("notifications list");
    let id = notifications["items"][0]["id"].as_str().unwrap();
    assert!(
        system
            .said(&format!("notifications read {id}"))
            .contains("read")
    );
    let types = system.json("catalog types");
    assert!(types["items"].as_array().unwrap().len() > 50);
    assert!(
        system
            .said("catalog operations")
            .contains("promotion.execute")
    );
}

fn policies_and_references(system: &System<'_>) {
    let list = "policies list --tenant Fabrikam --type windowsUpdateRings";
    let policies = system.json(list);
    let policy = &policies["items"][0];
    let (id, name) = (
        policy["id"].as_str().unwrap(),
        policy["display_name"].as_str().unwrap(),
    );
    let shown = system.run(&["policies", "show", name, "--tenant", "Fabrikam"], "", &[]);
    assert!(text(&shown.stdout).contains(id), "{}", text(&shown.stderr));
    let versions = system.json(&format!("policies versions {id} --tenant Fabrikam"));
    let version = versions["items"][0]["id"].as_str().unwrap();
    let content = system.json(&format!(
        "policies show {id} --tenant Fabrikam --version {version}"
    ));
    assert_eq!(content["policy_id"], id);
    let diff = system.json(&format!(
        "policies diff {id} --tenant Fabrikam --from {version}"
    ));
    assert_eq!(diff["diff"], "");
    let restore = format!(
        "policies restore {id} --tenant Fabrikam --version {version} --expected-current-version {version}"
    );
    assert!(system.ends(&restore, "", 1).1.contains("--yes"));
    let references = system.json("references list --tenant Fabrikam --kind group");
    assert!(!references["items"].as_array().unwrap().is_empty());
    system.said("references search --tenant Fabrikam --kind user --query adele --wait");
}

/// `--map`, `--pair` and `--option` reach the API as ids; `diff` shows one subject.
fn selections(system: &System<'_>) {
    let pair = "--source Contoso+Lab --target Fabrikam";
    let source = system.json("references list --tenant Contoso+Lab --kind group");
    let target = system.json("references list --tenant Fabrikam --kind group");
    let [source, target] =
        [&source, &target].map(|list| list["items"][0]["name"].as_str().unwrap());
    let words = [
        "preflight",
        "--source",
        "Contoso Lab",
        "--target",
        "Fabrikam",
        "--json",
    ];
    let map = format!("group:\"{source}\"=\"{target}\"");
    let mapped = [&words[..], &["--map", &map, "--option", "assignments=map"]].concat();
    let output = system.run(&mapped, "", &[]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    for (wrong, says) in [
        ("--map group", "KIND:SOURCE=TARGET"),
        ("--map group:Nobody=Nobody", "no reference is named"),
        ("--pair Nobody=Nobody", "no policy is named"),
        ("--option nonsense=1", "validation_failed"),
    ] {
        let (_, error) = system.ends(&format!("preflight {pair} {wrong}"), "", 1);
        assert!(error.contains(says), "{wrong}: {error}");
    }
    let compare = system.json(&format!("compare {pair}"));
    let subjects = compare["subjects"].as_array().unwrap();
    let matching = subjects.iter().find(|subject| subject["state"] == "match");
    let key = matching.unwrap()["subject_key"].as_str().unwrap();
    assert!(
        system
            .said(&format!("diff {key} {pair}"))
            .contains("no difference")
    );
    let (_, error) = system.ends(&format!("diff Nobody {pair}"), "", 1);
    assert!(error.contains("no subject is named"), "{error}");
}

fn forms_of_output(system: &System<'_>) {
    for line in [
        "runs list",
        "tenants list",
        "catalog types",
        "policies list --tenant Fabrikam",
        "tokens list",
        "audit list",
        "compare --source Contoso+Lab --target Fabrikam",
        "preflight --source Contoso+Lab --target Fabrikam",
    ] {
        let said = system.said(line);
        for shown in said.lines() {
            // A path that is longer than the terminal is wide stays whole.
            let long = shown.split(' ').any(|word| word.chars().count() > 60);
            assert!(
                long || shown.chars().count() <= 80,
                "{line}: {shown}\n{said}"
            );
        }
        assert!(
            !said.contains('\u{1b}'),
            "no colours where nobody sees them"
        );
    }
    let runs = system.said("runs list");
    assert!(
        runs.contains("Contoso Lab ->") || runs.contains("Contoso"),
        "{runs}"
    );
    let json = system.json("tenants list");
    let lines = system.said("tenants list --output ndjson");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json["items"], Value::Array(lines));
    let yaml = system.said("tenants list --output yaml");
    assert_eq!(serde_yaml_ng::from_str::<Value>(&yaml).unwrap(), json);
    // Refusals too.
    let missing = "01900000-0000-7000-8000-000000000000";
    let (said, _) = system.ends(&format!("runs show {missing} --output yaml"), "", 1);
    assert!(said.contains("code: not_found"), "{said}");
    system.ends("tenants list --json --output yaml", "", 1);
}

fn profiles(system: &System<'_>) {
    let find = |name: &str| {
        let variable = system.0.iter().find(|(known, _)| known == name);
        variable.unwrap().1.clone()
    };
    let (url, token) = (find("PROMOTION_API_URL"), find("PROMOTION_TOKEN"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep/config.yaml");
    let variables = vec![(
        "PROMOTION_CONFIG_FILE".to_owned(),
        file.display().to_string(),
    )];
    let alone = System(&variables);
    let (_, error) = alone.ends("tenants list", "", 1);
    assert!(error.contains("promotionctl login"), "{error}");
    let login = format!("login --name here --api-url {url}");
    alone.ends(&login, "pat_wrong\n", 6);
    assert!(!file.exists(), "a token that does not work is not kept");
    let (said, error) = alone.ends(&login, &format!("{token}\n"), 0);
    assert!(!format!("{said}{error}").contains(&token));
    assert!(alone.said("tenants list").contains("Fabrikam"));
    assert!(
        alone
            .said("tenants list --profile here")
            .contains("Fabrikam")
    );
    let (_, error) = alone.ends("tenants list --api-url http://127.0.0.1:1", "", 1);
    assert!(error.contains("is sent nowhere else"), "{error}");
    let listed = alone.said("profiles list --output json");
    assert!(
        listed.contains("\"here\"") && !listed.contains(&token),
        "{listed}"
    );
    assert!(alone.said("profiles list").contains('*'));
    alone.ends("profiles use there", "", 1);
    alone.said("profiles use here");
    alone.said("profiles remove here");
    assert!(!std::fs::read_to_string(&file).unwrap().contains(&token));
}
