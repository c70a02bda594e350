//! One flat JSON object, written field by field: all that the cases print.

use std::fmt::{Display, Write};

/// A JSON object under construction.
pub struct Line(String);

impl Line {
    /// Opens the object with the name of the case.
    pub fn new(case: &str) -> Self {
        Line("{".to_owned()).text("case", case)
    }

    /// Adds a string.
    pub fn text(mut self, key: &str, value: &str) -> Self {
        let mut quoted = String::from("\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                control if control < ' ' => {
                    // Writing to a String cannot fail.
                    let _ = write!(quoted, "\\u{:04x}", u32::from(control));
                }
                other => quoted.push(other),
            }
        }
        quoted.push('"');
        self.raw(key, &quoted);
        self
    }

    /// Adds a number or a boolean.
    pub fn value(mut self, key: &str, value: impl Display) -> Self {
        self.raw(key, &value.to_string());
        self
    }

    /// Adds a list of numbers.
    pub fn numbers(mut self, key: &str, values: &[u128]) -> Self {
        let items: Vec<String> = values.iter().map(ToString::to_string).collect();
        self.raw(key, &format!("[{}]", items.join(",")));
        self
    }

    /// Adds a text, or null.
    pub fn maybe(mut self, key: &str, value: Option<String>) -> Self {
        match value {
            Some(text) => self.text(key, &text),
            None => {
                self.raw(key, "null");
                self
            }
        }
    }

    /// Closes the object.
    pub fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn raw(&mut self, key: &str, value: &str) {
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{key}\":{value}");
    }
}
