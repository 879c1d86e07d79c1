//! Plain text tables: columns as wide as their longest cell, long cells cut.

use crate::show::clean;

/// The widest a cell gets, but for the last of a row, which pushes nothing aside.
const WIDEST: usize = 60;
const WIDEST_LAST: usize = 400;

/// A table being filled.
#[derive(Debug)]
pub(crate) struct Table {
    indent: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(headings: &[&str]) -> Self {
        Self {
            indent: 2,
            rows: vec![headings.iter().map(|h| (*h).to_owned()).collect()],
        }
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
        self.rows.len() < 2
    }

    /// The table as lines.
    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width_of).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width - cell.chars().count() + 2));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
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
        table.row(["x".repeat(100), "y".repeat(100)]);
        let shown = table.render();
        assert!(shown.contains("x…  y"), "{shown}");
        assert!(shown.contains(&"y".repeat(100)), "the last cell has room");
    }
}
