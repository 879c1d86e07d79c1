//! A report for a change ticket: a run or a reviewed plan as facts and tables, written as Markdown or
//! as one HTML file that loads nothing. Every value is escaped: a name is text, whatever it holds.

use std::fmt::Write as _;

use crate::show::clean;

/// A report.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// What it is about.
    pub(crate) title: String,
    /// Name and value of each fact; empty ones are left out.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Tables.
    pub(crate) sections: Vec<Section>,
}

/// A table with its heading.
#[derive(Debug)]
pub(crate) struct Section {
    /// Its heading.
    pub(crate) heading: &'static str,
    /// Headings of its columns.
    pub(crate) columns: Vec<&'static str>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Report {
    /// As Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n", markdown(&self.title));
        for (name, value) in self.facts.iter().filter(|(_, value)| !value.is_empty()) {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "- **{}:** {}", markdown(name), markdown(value));
        }
        for section in self
            .sections
            .iter()
            .filter(|section| !section.rows.is_empty())
        {
            let _ = writeln!(out, "\n## {}\n", markdown(section.heading));
            let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
            out.push_str(&row(section.columns.iter().map(|c| markdown(c)).collect()));
            out.push_str(&row(vec!["---".to_owned(); section.columns.len()]));
            for cells in &section.rows {
                out.push_str(&row(cells.iter().map(|cell| markdown(cell)).collect()));
            }
        }
        out
    }

    /// As one HTML file.
    pub(crate) fn html(&self) -> String {
        let title = html(&self.title);
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" \
             content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<dl>\n"
        );
        for (name, value) in self.facts.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(out, "<dt>{}</dt><dd>{}</dd>", html(name), html(value));
        }
        out.push_str("</dl>\n");
        for section in self
            .sections
            .iter()
            .filter(|section| !section.rows.is_empty())
        {
            let _ = writeln!(out, "<h2>{}</h2>\n<table>", html(section.heading));
            let row = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
                let cells: Vec<String> =
                    cells.map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
                format!("<tr>{}</tr>\n", cells.concat())
            };
            out.push_str(&row("th", &mut section.columns.iter().map(|c| html(c))));
            for cells in &section.rows {
                out.push_str(&row("td", &mut cells.iter().map(|cell| html(cell))));
            }
            out.push_str("</table>\n");
        }
        out.push_str("</body>\n</html>\n");
        out
    }
}

const STYLE: &str = "body{font:15px/1.4 system-ui,sans-serif;margin:2em}\
    dt{font-weight:bold;float:left;clear:left;width:11em}dd{margin-left:12em}\
    table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}";

/// Every mark of Markdown stands behind a backslash, and `<` and `&` as HTML has them.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '\'' | '%' | '/') => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "</td><script>alert('x')</script>|[a](http://b)*`\u{202e}\n# c & \"d\"";

    fn hostile() -> Report {
        Report {
            title: HOSTILE.to_owned(),
            facts: vec![("by", HOSTILE.to_owned()), ("none", String::new())],
            sections: vec![Section {
                heading: "Subjects",
                columns: vec!["policy", "result"],
                rows: vec![vec![HOSTILE.to_owned(), "succeeded".to_owned()]],
            }],
        }
    }

    #[test]
    fn a_name_cannot_leave_its_cell_of_html() {
        let page = hostile().html();
        assert!(!page.contains("<script"), "{page}");
        assert_eq!(page.matches("<td>").count(), 2);
        assert_eq!(page.matches("</td>").count(), 2);
        assert!(page.contains("alert(&#39;x&#39;)"));
        assert!(!page.contains("<dt>none"));
        assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("src="));
    }

    #[test]
    fn a_name_cannot_leave_its_cell_of_markdown() {
        let text = hostile().markdown();
        let row = text.lines().last().unwrap_or_default();
        let bare = row.replace("\\|", "").matches('|').count();
        assert_eq!(bare, 3, "{row}");
        assert!(
            !text.contains('<') && !text.contains("](") && !text.contains("http:"),
            "{text}"
        );
        assert!(!text.chars().any(|c| c != '\n' && domain::label::steers(c)));
    }
}
