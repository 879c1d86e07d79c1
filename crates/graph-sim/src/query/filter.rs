//! The `$filter` expressions that the served collections are asked for.

use serde_json::Value;

use crate::answer::Refusal;
use crate::body::at_path;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Equal(String, Value),
    StartsWith(String, String),
    Contains(String, String),
    IsOf(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

impl Filter {
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::bad_request(format!("Invalid filter clause: '{text}'."));
        let tokens = tokens(text).ok_or_else(invalid)?;
        let mut parser = Parser {
            tokens: &tokens,
            at: 0,
        };
        let parsed = parser.or().ok_or_else(invalid)?;
        if parser.at == tokens.len() {
            Ok(parsed)
        } else {
            Err(invalid())
        }
    }

    /// Whether the directory answers it without being asked for its advanced capabilities
    /// (`ConsistencyLevel: eventual` and `$count=true`).
    pub fn is_basic(&self) -> bool {
        match self {
            Self::And(left, right) | Self::Or(left, right) => left.is_basic() && right.is_basic(),
            Self::Equal(..) | Self::StartsWith(..) => true,
            Self::Not(_) | Self::Contains(..) | Self::IsOf(_) => false,
        }
    }

    /// Whether an object (its body with the id in it) fits; `kind` is its short type name.
    pub fn fits(&self, body: &Value, kind: &str) -> bool {
        match self {
            Self::And(left, right) => left.fits(body, kind) && right.fits(body, kind),
            Self::Or(left, right) => left.fits(body, kind) || right.fits(body, kind),
            Self::Not(inner) => !inner.fits(body, kind),
            Self::Equal(path, wanted) => match (at(body, path), wanted) {
                (Some(Value::String(have)), Value::String(want)) => have.eq_ignore_ascii_case(want),
                (None, Value::Null) => true,
                (have, want) => have == Some(want),
            },
            Self::StartsWith(path, wanted) => text_at(body, path)
                .is_some_and(|have| have.to_lowercase().starts_with(&wanted.to_lowercase())),
            Self::Contains(path, wanted) => text_at(body, path)
                .is_some_and(|have| have.to_lowercase().contains(&wanted.to_lowercase())),
            Self::IsOf(wanted) => wanted.eq_ignore_ascii_case(kind),
        }
    }
}

fn at<'a>(body: &'a Value, path: &str) -> Option<&'a Value> {
    at_path(body, &path.replace('/', "."))
}

fn text_at<'a>(body: &'a Value, path: &str) -> Option<&'a str> {
    at(body, path).and_then(Value::as_str)
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(&c) = characters.peek() {
        match c {
            ' ' => {
                characters.next();
            }
            '(' | ')' | ',' => {
                characters.next();
                found.push(match c {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    _ => Token::Comma,
                });
            }
            '\'' => {
                characters.next();
                let mut literal = String::new();
                loop {
                    match characters.next()? {
                        '\'' if characters.next_if_eq(&'\'').is_some() => literal.push('\''),
                        '\'' => break,
                        other => literal.push(other),
                    }
                }
                found.push(Token::Text(literal));
            }
            _ => {
                let mut word = String::new();
                while let Some(c) = characters.next_if(|c| !" (),'".contains(*c)) {
                    word.push(c);
                }
                found.push(Token::Word(word));
            }
        }
    }
    Some(found)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(have)) if have == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &Token) -> Option<()> {
        (self.next().as_ref() == Some(token)).then_some(())
    }

    fn or(&mut self) -> Option<Filter> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Some(left)
    }

    fn and(&mut self) -> Option<Filter> {
        let mut left = self.unary()?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary()?));
        }
        Some(left)
    }

    fn unary(&mut self) -> Option<Filter> {
        if self.take_word("not") {
            return Some(Filter::Not(Box::new(self.unary()?)));
        }
        if self.tokens.get(self.at) == Some(&Token::Open) {
            self.at += 1;
            let inner = self.or()?;
            self.expect(&Token::Close)?;
            return Some(inner);
        }
        let Token::Word(word) = self.next()? else {
            return None;
        };
        if self.tokens.get(self.at) == Some(&Token::Open) {
            return self.call(&word);
        }
        let operator = self.next()?;
        let literal = match self.next()? {
            Token::Text(text) => Value::String(text),
            Token::Word(text) => match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                other => {
                    serde_json::from_str(other).unwrap_or_else(|_| Value::String(other.to_owned()))
                }
            },
            _ => return None,
        };
        match operator {
            Token::Word(text) if text == "eq" => Some(Filter::Equal(word, literal)),
            Token::Word(text) if text == "ne" => {
                Some(Filter::Not(Box::new(Filter::Equal(word, literal))))
            }
            _ => None,
        }
    }

    fn call(&mut self, name: &str) -> Option<Filter> {
        self.expect(&Token::Open)?;
        let Some(Token::Word(first) | Token::Text(first)) = self.next() else {
            return None;
        };
        if name == "isof" {
            self.expect(&Token::Close)?;
            let short = first.trim_start_matches("microsoft.graph.").to_owned();
            return Some(Filter::IsOf(short));
        }
        self.expect(&Token::Comma)?;
        let Some(Token::Text(second)) = self.next() else {
            return None;
        };
        self.expect(&Token::Close)?;
        match name {
            "startswith" | "startsWith" => Some(Filter::StartsWith(first, second)),
            "contains" => Some(Filter::Contains(first, second)),
            _ => None,
        }
    }
}
