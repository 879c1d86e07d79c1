//! Examples for every command, shown by its `--help`. A test reads each of them with the parser, and
//! those that are one call of the API are held against its document.

use clap::Command;

/// A command, and how it is used.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "migrate",
        &[
            "promotionctl migrate",
            "promotionctl migrate --roles",
            "promotionctl migrate --check",
        ],
    ),
    (
        "bootstrap",
        &[
            "promotionctl bootstrap --workspace Contoso --owner you@example.com",
            "promotionctl bootstrap --recover --workspace Contoso",
        ],
    ),
    ("keys api", &["promotionctl keys api"]),
    ("keys generate", &["promotionctl keys generate"]),
    ("keys rotate", &["promotionctl keys rotate"]),
    (
        "audit list",
        &[
            "promotionctl audit list --limit 20",
            "promotionctl audit list --action promotion.execute.queued --tenant Fabrikam --output ndjson",
        ],
    ),
    (
        "audit verify",
        &[
            "promotionctl audit verify",
            "promotionctl audit verify --head contoso.jsonl",
        ],
    ),
    (
        "audit export",
        &["promotionctl audit export --workspace Contoso > contoso.jsonl"],
    ),
    ("demo", &["promotionctl demo", "promotionctl demo --keep"]),
    (
        "sync",
        &[
            "promotionctl sync --tenant \"Contoso Lab\" --wait",
            "promotionctl sync --tenant Fabrikam --types conditionalAccessPolicies --wait --timeout 30m",
        ],
    ),
    (
        "compare",
        &[
            "promotionctl compare --source \"Contoso Lab\" --target Fabrikam",
            "promotionctl compare --source \"Contoso Lab\" --target Fabrikam --types windowsUpdateRings --json",
        ],
    ),
    (
        "preflight",
        &[
            "promotionctl preflight --source \"Contoso Lab\" --target Fabrikam --out plan.json",
            "promotionctl preflight --source \"Contoso Lab\" --target Fabrikam --map group:\"Pilot\"=\"Pilot EU\" --option assignments=map",
            "promotionctl preflight --source \"Contoso Lab\" --target Fabrikam --pair \"Baseline\"=\"Baseline v2\" --detailed-exitcode",
        ],
    ),
    (
        "execute",
        &[
            "promotionctl execute --plan plan.json",
            "promotionctl execute --plan plan.json --yes --wait --timeout 30m --json",
            "promotionctl execute --source \"Contoso Lab\" --target Fabrikam --map literal:contoso.example=fabrikam.example",
        ],
    ),
    (
        "diff",
        &["promotionctl diff \"Baseline\" --source \"Contoso Lab\" --target Fabrikam"],
    ),
    (
        "runs list",
        &[
            "promotionctl runs list",
            "promotionctl runs list --type promotion.execute --tenant Fabrikam",
        ],
    ),
    (
        "runs show",
        &["promotionctl runs show 01900000-0000-7000-8000-0000000000ff --items"],
    ),
    (
        "runs watch",
        &["promotionctl runs watch 01900000-0000-7000-8000-0000000000ff --timeout 30m"],
    ),
    (
        "runs cancel",
        &["promotionctl runs cancel 01900000-0000-7000-8000-0000000000ff"],
    ),
    (
        "report",
        &[
            "promotionctl report --run 01900000-0000-7000-8000-0000000000ff > report.md",
            "promotionctl report --preflight plan.json --format html --out report.html",
        ],
    ),
    ("me", &["promotionctl me", "promotionctl me --json"]),
    ("workspaces list", &["promotionctl workspaces list"]),
    (
        "workspaces show",
        &["promotionctl workspaces show --workspace Contoso"],
    ),
    (
        "tenants list",
        &[
            "promotionctl tenants list",
            "promotionctl tenants list --output yaml",
        ],
    ),
    (
        "tenants add",
        &[
            "promotionctl tenants add --name Fabrikam --entra-tenant-id 8d2e6b94-71c3-4f0a-b5d8-6a9c0f4e2d35",
        ],
    ),
    ("tenants show", &["promotionctl tenants show Fabrikam"]),
    (
        "tenants rename",
        &["promotionctl tenants rename Fabrikam --name \"Fabrikam EU\""],
    ),
    ("tenants remove", &["promotionctl tenants remove Fabrikam"]),
    (
        "connections set",
        &[
            "promotionctl connections set --tenant Fabrikam --client-id 4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64 < secret.txt",
            "promotionctl connections set --tenant Fabrikam --client-id 4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64 --secret-file secret.txt --expires-at 2027-06-30T00:00:00Z",
            "promotionctl connections set --tenant Fabrikam --client-id 4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64 --certificate-file app.pem --private-key-file app.key",
            "promotionctl connections set --tenant Fabrikam --client-id 4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64 --federated-token fabrikam",
        ],
    ),
    (
        "connections show",
        &["promotionctl connections show --tenant Fabrikam"],
    ),
    (
        "connections check",
        &["promotionctl connections check --tenant Fabrikam --wait"],
    ),
    (
        "connections secret-reading",
        &[
            "promotionctl connections secret-reading --tenant \"Contoso Lab\" --state allowed --reason \"CHG-1234\"",
        ],
    ),
    (
        "connections remove",
        &["promotionctl connections remove --tenant Fabrikam"],
    ),
    ("members list", &["promotionctl members list"]),
    (
        "members add",
        &[
            "promotionctl members add --email someone@example.com --role operator",
            "promotionctl members add --service --name pipeline --role operator",
        ],
    ),
    (
        "members change",
        &["promotionctl members change someone@example.com --role manager"],
    ),
    (
        "members link",
        &[
            "promotionctl members link someone@example.com --issuer https://login.example --subject 00u1",
        ],
    ),
    (
        "members unlink",
        &["promotionctl members unlink someone@example.com"],
    ),
    (
        "members remove",
        &["promotionctl members remove someone@example.com"],
    ),
    (
        "tenant-members list",
        &["promotionctl tenant-members list --tenant Fabrikam"],
    ),
    (
        "tenant-members set",
        &["promotionctl tenant-members set someone@example.com --tenant Fabrikam --role readonly"],
    ),
    (
        "tenant-members remove",
        &["promotionctl tenant-members remove someone@example.com --tenant Fabrikam"],
    ),
    ("tokens list", &["promotionctl tokens list"]),
    (
        "tokens create",
        &[
            "promotionctl tokens create --name pipeline --expires-in-days 90",
            "promotionctl tokens create --name nightly --member pipeline --capabilities compare.view,preflight.run",
        ],
    ),
    ("tokens revoke", &["promotionctl tokens revoke pipeline"]),
    ("controls list", &["promotionctl controls list"]),
    (
        "controls pause",
        &[
            "promotionctl controls pause promotion.execute --tenant Fabrikam --reason \"change freeze\"",
        ],
    ),
    (
        "controls enable",
        &[
            "promotionctl controls enable promotion.execute --tenant Fabrikam --reason \"freeze is over\"",
        ],
    ),
    (
        "references list",
        &["promotionctl references list --tenant Fabrikam --kind group --query Pilot"],
    ),
    (
        "references search",
        &["promotionctl references search --tenant Fabrikam --kind user --query adele --wait"],
    ),
    (
        "policies list",
        &[
            "promotionctl policies list --tenant Fabrikam --type windowsUpdateRings --query Pilot --removed",
        ],
    ),
    (
        "policies show",
        &[
            "promotionctl policies show \"Baseline\" --tenant Fabrikam",
            "promotionctl policies show \"Baseline\" --tenant Fabrikam --version 01900000-0000-7000-8000-0000000000b1",
        ],
    ),
    (
        "policies versions",
        &["promotionctl policies versions \"Baseline\" --tenant Fabrikam"],
    ),
    (
        "policies diff",
        &[
            "promotionctl policies diff \"Baseline\" --tenant Fabrikam --from 01900000-0000-7000-8000-0000000000b1",
        ],
    ),
    (
        "policies restore",
        &[
            "promotionctl policies restore \"Baseline\" --tenant Fabrikam --version 01900000-0000-7000-8000-0000000000b1 --expected-current-version 01900000-0000-7000-8000-0000000000b2 --wait",
        ],
    ),
    (
        "notifications list",
        &["promotionctl notifications list --limit 10"],
    ),
    (
        "notifications read",
        &["promotionctl notifications read 01900000-0000-7000-8000-0000000000cc"],
    ),
    (
        "catalog types",
        &[
            "promotionctl catalog types",
            "promotionctl catalog types --output ndjson",
        ],
    ),
    ("catalog operations", &["promotionctl catalog operations"]),
    (
        "login",
        &[
            "promotionctl login --name production --api-url https://promotion.example --workspace Contoso",
            "promotionctl login --name pipeline --api-url https://promotion.example --token-file token.txt",
        ],
    ),
    ("profiles list", &["promotionctl profiles list"]),
    ("profiles use", &["promotionctl profiles use production"]),
    (
        "profiles remove",
        &["promotionctl profiles remove production"],
    ),
    (
        "completions",
        &[
            "promotionctl completions bash > /etc/bash_completion.d/promotionctl",
            "promotionctl completions zsh > \"${fpath[1]}/_promotionctl\"",
            "promotionctl completions powershell >> $PROFILE",
        ],
    ),
    ("man", &["promotionctl man --out /usr/local/share/man/man1"]),
];

/// The command with its examples, and those of all below it.
pub(crate) fn with_examples(command: Command) -> Command {
    below(command, "")
}

fn below(command: Command, path: &str) -> Command {
    let command = command.mut_subcommands(|inner| {
        let name = inner.get_name().to_owned();
        let path = if path.is_empty() {
            name
        } else {
            format!("{path} {name}")
        };
        below(inner, &path)
    });
    match of(path) {
        [] => command,
        examples => {
            let text = format!("Examples:\n  {}", examples.join("\n  "));
            command.after_help(text)
        }
    }
}

/// The examples of one command.
fn of(path: &str) -> &'static [&'static str] {
    let found = EXAMPLES.iter().find(|(of, _)| *of == path);
    found.map_or(&[], |(_, examples)| examples)
}

/// Every example as the words a shell would pass on.
#[cfg(test)]
pub(crate) fn all() -> Vec<Vec<String>> {
    let examples = EXAMPLES.iter().flat_map(|(_, examples)| *examples);
    examples.map(|example| words(example)).collect()
}

/// Words and double quotes; what stands behind a redirection is the shell's.
#[cfg(test)]
fn words(line: &str) -> Vec<String> {
    let end = [" > ", " >> ", " < "]
        .iter()
        .filter_map(|redirection| line.find(redirection))
        .min();
    let line = line.get(..end.unwrap_or(line.len())).unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::arguments::{Arguments, parse_from};

    #[test]
    fn every_command_has_examples_and_each_of_them_can_be_read() {
        fn leaves(command: &Command, path: &str, found: &mut Vec<String>) {
            let shown: Vec<&Command> = command
                .get_subcommands()
                .filter(|inner| !inner.is_hide_set())
                .collect();
            if shown.is_empty() {
                found.push(path.trim().to_owned());
            }
            for inner in shown {
                leaves(inner, &format!("{path} {}", inner.get_name()), found);
            }
        }
        let mut commands = Vec::new();
        leaves(&Arguments::command(), "", &mut commands);
        for command in &commands {
            assert!(!of(command).is_empty(), "{command} has no example");
        }
        assert_eq!(commands.len(), EXAMPLES.len(), "an example of no command");
        for (command, examples) in EXAMPLES {
            for example in *examples {
                let start = format!("promotionctl {command}");
                assert!(example.starts_with(&start), "{example}");
                let read = parse_from(words(example));
                assert!(read.is_ok(), "{example}: {:?}", read.err());
            }
        }
    }
}
