//! What is asked of a person, and the secrets they give. Nothing is asked where nobody can answer.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::Path;

use crate::ending::Failure;
use crate::show::clean;

/// The longest secret there is: a key with its chain.
const LONGEST: u64 = 256 * 1024;

/// Asks; only `y` or `yes` is a yes. Without a terminal nobody can be asked.
pub(crate) fn confirmed(text: &str, question: &str) -> Result<bool, Failure> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Err(Failure::Usage(format!(
            "{} Without a terminal to ask on this needs --yes",
            clean(text)
        )));
    }
    let mut error = std::io::stderr().lock();
    write!(error, "{}\n{question} [y/N] ", clean(text))?;
    error.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// A secret from a file, or from standard input where there is no file or it is `-`: typed unseen on
/// a terminal. The line feed at its end is not part of it.
pub(crate) fn secret(what: &str, file: Option<&Path>) -> Result<String, Failure> {
    let file = file.filter(|file| *file != Path::new("-"));
    let mut text = String::new();
    if let Some(file) = file {
        let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", file.display()));
        let opened = std::fs::File::open(file).map_err(failed)?;
        opened
            .take(LONGEST)
            .read_to_string(&mut text)
            .map_err(failed)?;
    } else if std::io::stdin().is_terminal() {
        let terminal = console::Term::stderr();
        terminal.write_str(&format!("{what} (not shown): "))?;
        text = terminal.read_secure_line()?;
    } else {
        std::io::stdin()
            .lock()
            .take(LONGEST)
            .read_to_string(&mut text)?;
    }
    let secret = text
        .trim_start_matches('\u{feff}')
        .trim_end_matches(['\n', '\r']);
    if secret.is_empty() {
        return Err(Failure::Usage(format!("the {what} is empty")));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_a_file_ends_before_its_line_feed() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("secret");
        for (held, read) in [
            ("a b \n", Some("a b ")),
            ("\u{feff}x\r\n", Some("x")),
            ("\n", None),
        ] {
            std::fs::write(&file, held)?;
            assert_eq!(secret("secret", Some(&file)).ok().as_deref(), read);
        }
        assert!(secret("secret", Some(&folder.path().join("none"))).is_err());
        Ok(())
    }
}
