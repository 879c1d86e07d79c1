//! `promotionctl completions` and `man`: what a shell and a manual know of the command line, made from
//! the command line itself.

use crate::arguments::{CompletionsArguments, ManArguments, command_line};
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs `completions`.
pub(crate) fn completions(arguments: &CompletionsArguments) -> Result<Ending, Failure> {
    let mut text = Vec::new();
    let mut command = command_line();
    clap_complete::generate(arguments.shell, &mut command, "promotionctl", &mut text);
    print(&text)
}

/// Runs `man`.
pub(crate) fn man(arguments: &ManArguments) -> Result<Ending, Failure> {
    if let Some(folder) = &arguments.out {
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(command_line(), folder)?;
        show::note(&format!("the manual is in {}", folder.display()));
        return Ok(Ending::Done);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command_line()).render(&mut text)?;
    print(&text)
}

/// All of it is ours, so that it is printed byte for byte: completions hold control characters.
fn print(text: &[u8]) -> Result<Ending, Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(Ending::Done)
}
