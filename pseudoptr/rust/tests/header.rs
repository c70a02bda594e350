//! The committed galeed.h is what the source says.
//!
//! cbindgen makes it; `tidy` then writes addresses in hexadecimal and comments as
//! the other headers do.
mod common;

use std::path::Path;

#[test]
fn the_header_is_generated_from_this_source() {
    let crate_directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = crate_directory.join("../include/galeed.h");
    let bindings = cbindgen::generate(crate_directory).expect("cbindgen reads the source");
    let mut generated = Vec::new();
    bindings.write(&mut generated);
    let generated = tidy(&String::from_utf8(generated).expect("a header is text"));
    if std::env::var_os("GALEED_BLESS").is_some() {
        std::fs::write(&header, &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&header).expect("the header is there");
    if committed == generated {
        return;
    }
    let (is, should) = committed
        .lines()
        .zip(generated.lines())
        .find(|(is, should)| is != should)
        .unwrap_or(("one of them", "ends early"));
    panic!(
        "galeed.h is not what the source says: committed `{is}`, generated `{should}`; \
         GALEED_BLESS=1 cargo test --test header rewrites it"
    );
}

/// A comment that cbindgen opens on a line of its own, with `*` at each line; one
/// blank line at most; numbers of more than 32 bits in hexadecimal.
fn tidy(header: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut comment: Option<Vec<String>> = None;
    for line in header.lines() {
        let (indent, text) = line.split_at(line.len() - line.trim_start().len());
        match comment.as_mut() {
            Some(inside) if text == "*/" => {
                let indent = &indent[..indent.len() - 1];
                let last = inside.len() - 1;
                lines.extend(inside.iter().enumerate().map(|(at, text)| {
                    let open = if at == 0 { "/*" } else { " *" };
                    let close = if at == last { " */" } else { "" };
                    let gap = if text.is_empty() { "" } else { " " };
                    format!("{indent}{open}{gap}{text}{close}")
                }));
                comment = None;
            }
            Some(inside) => inside.push(text.replace("# Safety", "pre:")),
            None if text == "/*" => comment = Some(Vec::new()),
            None if text.is_empty() && lines.last().is_some_and(String::is_empty) => {}
            None => lines.push(in_hexadecimal(line)),
        }
    }
    lines.join("\n") + "\n"
}

fn in_hexadecimal(line: &str) -> String {
    match line
        .rsplit_once(' ')
        .map(|(head, number)| (head, number.parse::<u64>()))
    {
        Some((head, Ok(number))) if number >> 32 != 0 => format!("{head} {number:#x}"),
        _ => line.to_owned(),
    }
}
