//! What is said without any environment: help, versions, completions and manual pages.
#![expect(clippy::unwrap_used, reason = "tests may stop where they stand")]

use crate::command_line::{code, promotionctl, text};

/// The commands of the top level, in their order: adding one is a change to be seen.
const COMMANDS: &[&str] = &[
    "migrate",
    "bootstrap",
    "keys",
    "audit",
    "demo",
    "sync",
    "compare",
    "preflight",
    "execute",
    "diff",
    "runs",
    "report",
    "me",
    "workspaces",
    "tenants",
    "connections",
    "members",
    "tenant-members",
    "tokens",
    "controls",
    "references",
    "policies",
    "notifications",
    "catalog",
    "login",
    "profiles",
    "completions",
    "man",
    "help",
];

#[test]
fn help_lists_every_command_in_its_order() {
    let output = promotionctl("--help", &[]);
    let help = text(&output.stdout);
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let listed: Vec<&str> = commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(listed, COMMANDS);
}

#[test]
fn help_of_one_command_shows_how_it_is_used() {
    let output = promotionctl("tokens create --help", &[]);
    assert_eq!(code(&output), 0);
    let help = text(&output.stdout);
    for part in [
        "Usage: promotionctl tokens create [OPTIONS] --name <NAME>",
        "--expires-in-days <DAYS>",
        "--output <FORM>",
        "Examples:\n  promotionctl tokens create --name pipeline --expires-in-days 90\n",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[test]
fn the_version_is_one_line() {
    let output = promotionctl("--version", &[]);
    let said = text(&output.stdout);
    let start = format!("promotionctl {}", env!("CARGO_PKG_VERSION"));
    assert!(said.starts_with(&start), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn completions_and_manual_know_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = promotionctl(&format!("completions {shell}"), &[]);
        assert_eq!(code(&output), 0, "{shell}: {}", text(&output.stderr));
        assert!(text(&output.stdout).contains("tenant-members"), "{shell}");
    }
    let bash = text(&promotionctl("completions bash", &[]).stdout);
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    std::fs::write(&script, bash).unwrap();
    let status = std::process::Command::new("bash")
        .arg("-n")
        .arg(&script)
        .status();
    assert!(status.unwrap().success(), "bash reads its completions");

    let out = folder.path().join("man");
    let output = promotionctl(&format!("man --out {}", out.display()), &[]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let page = std::fs::read_to_string(out.join("promotionctl-tokens-create.1")).unwrap();
    assert!(page.contains("Examples"), "{page}");
    assert!(text(&promotionctl("man", &[]).stdout).contains("SUBCOMMANDS"));
}
