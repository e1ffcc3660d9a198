//! What a mail says, once, and then as plain text and as simple HTML: no pictures, nothing that is fetched.

use super::letter::escape;

/// A part of a mail.
#[derive(Clone, Debug)]
pub enum Block {
    /// The line above which an answer is written.
    Above(String),
    /// What it is about.
    Title(String),
    /// A line.
    Line(String),
    /// A code to be typed.
    Code(String),
    /// Who said something, and what; lines stay lines.
    Said(String, String),
    /// What a link leads to, its address, and its name where the address is not shown.
    Link(String, String, String),
    /// The small print begins.
    Small,
}

/// Marks the line above which an answer is written, in both forms.
const ABOVE: &str = "——";

/// As plain text.
#[must_use]
pub fn text(blocks: &[Block]) -> String {
    let mut text = String::new();
    for block in blocks {
        match block {
            Block::Above(line) => text += &format!("{ABOVE} {line} {ABOVE}\n\n"),
            Block::Title(line) => text += &format!("{line}\n\n"),
            Block::Line(line) => text += &format!("{line}\n"),
            Block::Code(code) => text += &format!("\n    {code}\n\n"),
            Block::Said(who, what) => {
                text += &format!("\n{who}\n");
                for line in what.lines() {
                    text += &format!("    {line}\n");
                }
            }
            Block::Link(before, to, _) => text += &format!("\n{before}\n{to}\n"),
            Block::Small => text += "\n-- \n",
        }
    }
    text
}

/// As HTML.
#[must_use]
pub fn html(blocks: &[Block]) -> String {
    let mut html = "<!doctype html><html><head><meta charset=\"utf-8\"></head><body style=\"margin:0;padding:16px;\
                    font:16px/1.5 sans-serif;max-width:36em\">"
        .to_owned();
    for block in blocks {
        match block {
            Block::Above(line) => {
                html += &format!(
                    "<p style=\"margin:0 0 12px;color:#666;font-size:13px\">{ABOVE} {} {ABOVE}</p>",
                    escape(line)
                );
            }
            Block::Title(line) => {
                html += &format!(
                    "<h1 style=\"margin:0 0 8px;font-size:20px\">{}</h1>",
                    escape(line)
                );
            }
            Block::Line(line) => {
                html += &format!("<p style=\"margin:0 0 4px\">{}</p>", escape(line))
            }
            Block::Code(code) => {
                html += &format!(
                    "<p style=\"margin:12px 0;font-size:26px;letter-spacing:4px\"><b>{}</b></p>",
                    escape(code)
                );
            }
            Block::Said(who, what) => {
                let lines: Vec<String> = what.lines().map(escape).collect();
                html += &format!(
                    "<p style=\"margin:12px 0 0\"><b>{}</b></p><p style=\"margin:0\">{}</p>",
                    escape(who),
                    lines.join("<br>")
                );
            }
            Block::Link(before, to, name) => {
                let (before, to) = (escape(before), escape(to));
                html += &match name.as_str() {
                    "" => format!(
                        "<p style=\"margin:12px 0\">{before}<br><a href=\"{to}\">{to}</a></p>"
                    ),
                    name => format!(
                        "<p style=\"margin:12px 0\"><a href=\"{to}\">{}</a></p>",
                        escape(name)
                    ),
                };
            }
            Block::Small => html += "<hr style=\"border:0;border-top:1px solid #ccc\">",
        }
    }
    html + "</body></html>"
}
