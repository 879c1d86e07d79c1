//! Plain text tables, as wide as the terminal: cells are wrapped between words, never within one.
//! Where that is not enough, columns that say nothing are left out, then those that may be; then the
//! cells of a row stand one below the other.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width, presets};

use crate::environment;
use crate::show::clean;

/// The widest a cell gets, but for the last of a row, which pushes nothing aside.
const WIDEST: usize = 60;
const WIDEST_LAST: usize = 400;
/// Before each line, and between two columns.
const INDENT: usize = 2;
const GAP: u16 = 2;

/// Counts by kind of policy: side by side where there is room, in words where there is not.
pub(crate) fn counts(kinds: &[&str], rows: &[(String, Vec<u64>)]) -> String {
    let headings: Vec<&str> = std::iter::once("type")
        .chain(kinds.iter().copied())
        .collect();
    let mut wide = Table::new(&headings);
    let mut narrow = Table::new(&["type", "subjects"]);
    for (name, figures) in rows {
        let cells = figures.iter().map(|figure| match figure {
            0 => ".".to_owned(),
            figure => figure.to_string(),
        });
        wide.row(std::iter::once(name.clone()).chain(cells));
        let words: Vec<String> = figures
            .iter()
            .zip(kinds)
            .filter(|(figure, _)| **figure > 0)
            .map(|(figure, kind)| format!("{figure} {}", kind.replace('_', " ")))
            .collect();
        narrow.row([name.clone(), words.join(", ")]);
    }
    if wide.has_room() {
        wide.render()
    } else {
        narrow.render()
    }
}

/// A sentence, wrapped between words.
pub(crate) fn sentence(text: &str) -> String {
    let width = environment::width().map(|width| width.saturating_sub(INDENT));
    let lines = wrapped(&clean(text), width);
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}\n")).collect();
    lines.concat()
}

/// Lines of whole words; a word that is longer than a line has its own.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else {
        return vec![text.to_owned()];
    };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let length = console::measure_text_width(word);
        match lines.last_mut() {
            Some(line) if console::measure_text_width(line) + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A table being filled.
#[derive(Debug)]
pub(crate) struct Table {
    width: Option<usize>,
    headings: Vec<String>,
    optional: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings, as wide as the terminal; as wide as it wants where there is none.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self {
            width: environment::width(),
            headings: headings.iter().map(|h| (*h).to_owned()).collect(),
            optional: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The column of this heading may go where there is no room.
    pub(crate) fn may_leave_out(&mut self, heading: &str) {
        self.optional.push(heading.to_owned());
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| clean(&cell)).collect();
        let last = cells.pop().map(|cell| cut(&cell, WIDEST_LAST));
        let mut cells: Vec<String> = cells.iter().map(|cell| cut(cell, WIDEST)).collect();
        cells.extend(last);
        self.rows.push(cells);
    }

    /// Whether only the headings are there.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table as lines.
    pub(crate) fn render(&self) -> String {
        let shown = self.shown();
        if shown.len() > 2 && !self.fits(&shown) {
            return self.one_below_the_other();
        }
        let pick = |row: &Vec<String>| -> Vec<String> {
            let cell = |column: &usize| row.get(*column).cloned().unwrap_or_default();
            shown.iter().map(cell).collect()
        };
        let mut table = comfy_table::Table::new();
        table.load_preset(presets::NOTHING);
        if self.headings.iter().any(|heading| !heading.is_empty()) {
            table.set_header(pick(&self.headings));
        }
        table.add_rows(self.rows.iter().map(pick));
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP));
            column.set_cell_alignment(CellAlignment::Left);
        }
        if let Some(width) = self.width {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(u16::try_from(width.saturating_sub(INDENT)).unwrap_or(u16::MAX));
            for (column, index) in table.column_iter_mut().zip(&shown) {
                let least = u16::try_from(self.least(*index)).unwrap_or(u16::MAX);
                let least = least.saturating_add(GAP);
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
            }
        } else {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
        let mut text = String::new();
        for line in table.lines() {
            let line = line.trim_end();
            if !line.is_empty() {
                text.push_str(&" ".repeat(INDENT));
                text.push_str(line);
            }
            text.push('\n');
        }
        text
    }

    /// The columns for which there is room.
    fn shown(&self) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.headings.len()).collect();
        let silent = |column: usize| {
            let said = |row: &Vec<String>| {
                row.get(column)
                    .is_some_and(|cell| !matches!(cell.as_str(), "" | "."))
            };
            !self.rows.iter().any(said)
        };
        let optional = |column: usize| {
            let heading = self.headings.get(column);
            heading.is_some_and(|heading| self.optional.contains(heading))
        };
        let silent: Vec<usize> = shown.iter().copied().filter(|c| silent(*c)).collect();
        let optional: Vec<usize> = shown.iter().copied().filter(|c| optional(*c)).collect();
        for column in silent.into_iter().rev().chain(optional.into_iter().rev()) {
            if self.fits(&shown) || shown.len() < 2 {
                break;
            }
            shown.retain(|kept| *kept != column);
        }
        shown
    }

    /// Whether there is room for all of it.
    pub(crate) fn has_room(&self) -> bool {
        self.fits(&(0..self.headings.len()).collect::<Vec<_>>())
    }

    fn fits(&self, columns: &[usize]) -> bool {
        let least = columns.iter().map(|column| self.least(*column));
        let needed = INDENT + least.map(|least| least + usize::from(GAP)).sum::<usize>();
        self.width
            .is_none_or(|width| needed <= width + usize::from(GAP))
    }

    /// Where not even the words fit side by side: each row as lines of heading and cell.
    fn one_below_the_other(&self) -> String {
        let widest = self.widest();
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            for (heading, cell) in self.headings.iter().zip(row) {
                if cell.is_empty() {
                    continue;
                }
                let taken = INDENT + widest + usize::from(GAP);
                let width = self.width.map(|width| width.saturating_sub(taken));
                let mut heading = heading.as_str();
                for line in wrapped(cell, width) {
                    // Writing to a String cannot fail.
                    let _ = writeln!(text, "  {heading:<widest$}  {line}");
                    heading = "";
                }
            }
        }
        text
    }

    fn widest(&self) -> usize {
        let widths = self.headings.iter().map(|heading| heading.chars().count());
        widths.max().unwrap_or(0)
    }

    /// The longest word of a column: it is not made narrower than that.
    fn least(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells
            .chain(self.headings.get(column))
            .flat_map(|cell| cell.split_whitespace())
            .map(console::measure_text_width)
            .max()
            .unwrap_or(0)
    }
}

fn cut(cell: &str, widest: usize) -> String {
    if cell.chars().count() <= widest {
        return cell.to_owned();
    }
    let start: String = cell.chars().take(widest - 1).collect();
    format!("{}…", start.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_alphabet() {
        let mut table = Table::new(&["state", "count"]);
        table.width = None;
        table.row(["für alle".to_owned(), "3".to_owned()]);
        table.row(["match".to_owned(), "12".to_owned()]);
        assert_eq!(
            table.render(),
            "  state     count\n  für alle  3\n  match     12\n"
        );
    }

    #[test]
    fn a_long_cell_is_cut() {
        let mut table = Table::new(&["a", "b"]);
        table.width = None;
        table.row(["x".repeat(100), "y".repeat(100)]);
        let shown = table.render();
        assert!(shown.contains("x…  y"), "{shown}");
        assert!(shown.contains(&"y".repeat(100)), "the last cell has room");
    }

    #[test]
    fn a_narrow_terminal_wraps_between_words_and_leaves_out_what_says_nothing() {
        let mut table = Table::new(&["type", "match", "indeterminate", "why", "created"]);
        table.may_leave_out("created");
        let row = [
            "windowsAutopilotDeploymentProfiles",
            "3",
            ".",
            "tenant_literal: the settings name the source three times",
            "2026-01-01T00:00:00Z",
        ];
        table.row(row.map(str::to_owned));
        for width in 64..=200 {
            table.width = Some(width);
            let shown = table.render();
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(longest <= Some(width), "{width}\n{shown}");
            for word in row[3].split(' ').chain([row[0]]) {
                assert!(shown.contains(word), "{width}: {word} is broken\n{shown}");
            }
            assert_eq!(shown.contains("created"), shown.contains(row[4]));
        }
        assert!(table.render().contains("indeterminate"), "there is room");
        table.width = Some(52);
        let shown = table.render();
        assert!(
            shown.contains("  type           windowsAutopilotDeploymentProfiles\n"),
            "{shown}"
        );
        assert!(
            shown.lines().all(|line| line.chars().count() <= 52),
            "{shown}"
        );
        table.width = Some(80);
        let shown = table.render();
        assert!(!shown.contains("indeterminate"), "{shown}");
        assert!(!shown.contains("created"), "{shown}");
    }
}
