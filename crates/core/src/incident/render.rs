//! A message in the form of each channel.
//!
//! Sources: Slack's documentation, "Formatting message text" (`&`, `<` and `>` are escaped) and the
//! reference of Block Kit (a header has at most 150 characters, the text of a section at most 3,000, a
//! message at most 50 blocks); Amazon SNS API reference, `Publish` (a subject has at most 100 ASCII
//! characters, no line break, and begins with a letter, a digit or a punctuation mark).

use serde_json::{Value, json};

use super::{Message, MessageKind};

/// Characters of a Block Kit header.
const HEADER: usize = 150;
/// Characters of the text of a Block Kit section.
const SECTION: usize = 3_000;
/// Characters of a subject of SNS.
const SUBJECT: usize = 100;

/// What the first line of a repeated message says.
const REPEAT: &str =
    "Repeat: no answer to an earlier attempt was recorded, so you may have this message already.";

/// The message as `text` (for notifications) and `blocks` of Slack.
pub fn slack(message: &Message) -> Value {
    let content = &message.content;
    let title = shortened(&title(message), HEADER);
    if message.kind == MessageKind::Line {
        return json!({ "text": escaped(&title), "blocks": [section(&line_text(message))] });
    }
    let mut blocks = Vec::new();
    if message.kind != MessageKind::Changed {
        let text = json!({ "type": "plain_text", "text": title, "emoji": false });
        blocks.push(json!({ "type": "header", "text": text }));
    }
    let mut text = String::new();
    for (name, value) in fields(message) {
        text += &format!("*{name}:* {}\n", escaped(&value));
    }
    for item in &content.items {
        text += &format!("• {}\n", escaped(item));
    }
    for command in &content.commands {
        text += &format!("`{}`\n", escaped(command));
    }
    blocks.push(section(text.trim_end()));
    let mut small: Vec<String> = Vec::new();
    if message.repeat {
        small.push(REPEAT.to_owned());
    }
    small.extend(content.receipt.as_ref().map(|place| format!("Receipt: `{}`", escaped(place))));
    if !small.is_empty() {
        let elements = [json!({ "type": "mrkdwn", "text": small.join("\n") })];
        blocks.push(json!({ "type": "context", "elements": elements }));
    }
    json!({ "text": escaped(&title), "blocks": blocks })
}

/// The subject and the text of an e-mail.
pub fn email(message: &Message) -> (String, String) {
    let content = &message.content;
    let ascii: String = title(message)
        .chars()
        .map(|it| if it.is_ascii() && !it.is_ascii_control() { it } else { '?' })
        .collect();
    let subject = shortened_ascii(&format!("Landbridge {ascii}"), SUBJECT);
    let mut text = String::new();
    if message.repeat {
        text += &format!("{REPEAT}\n\n");
    }
    text += &format!("{}\n", content.title);
    for (name, value) in fields(message) {
        text += &format!("\n{name}: {value}\n");
    }
    if !content.items.is_empty() {
        text.push('\n');
    }
    for item in &content.items {
        text += &format!("- {item}\n");
    }
    if !content.commands.is_empty() {
        text += "\nRun:\n";
    }
    for command in &content.commands {
        text += &format!("  {command}\n");
    }
    if let Some(place) = &content.receipt {
        text += &format!("\nReceipt: {place}\n");
    }
    (subject, text)
}

/// The message as JSON, for a webhook. `schemas/incident-message.schema.json` describes it.
pub fn webhook(message: &Message, source: &str) -> Value {
    let content = &message.content;
    json!({
        "version": 1,
        "id": message.id,
        "repeat": message.repeat,
        "source": source,
        "kind": message.kind.name(),
        "at": message.at.to_string(),
        "day": content.day.to_string(),
        "incident": message.incident,
        "state": content.state,
        "is_notice": content.is_notice,
        "cause_id": content.cause_id,
        "title": content.title,
        "cause": content.cause,
        "effect": content.effect,
        "action": content.action,
        "commands": content.commands,
        "items": content.items,
        "receipt": content.receipt,
    })
}

/// The JSON Schema of [`webhook`].
pub fn webhook_schema() -> Value {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let texts = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
    let maybe =
        |ty: &str, description: &str| json!({ "type": [ty, "null"], "description": description });
    let properties = json!({
        "version": { "const": 1, "description": "The version of this format." },
        "id": text("The message. A repeat has the same id, which is also in the header `landbridge-message`."),
        "repeat": { "type": "boolean", "description": "Whether an earlier attempt may have arrived." },
        "source": text("`source.name` of landbridge.yaml."),
        "kind": { "enum": ["opened", "changed", "resolved", "line"], "description": "What happened; `line` is the daily line." },
        "at": { "type": "string", "format": "date-time", "description": "When it happened." },
        "day": { "type": "string", "format": "date", "description": "The day that it is about." },
        "incident": maybe("integer", "The number of the incident; null for the daily line."),
        "state": { "enum": ["open", "closed", "resolved", "well", "not_well"], "description": "The state of the incident, or of the day." },
        "is_notice": { "type": "boolean", "description": "Whether nothing stops because of it." },
        "cause_id": maybe("string", "The same for every incident of the same cause."),
        "title": text("One line."),
        "cause": text("The cause; empty if the title says all."),
        "effect": text("What readers of the warehouse see."),
        "action": text("What the operator should do."),
        "commands": texts("Commands to run, in order."),
        "items": texts("Tables and other names, or what changed."),
        "receipt": maybe("string", "Where the receipts are."),
    });
    let required: Vec<&String> =
        properties.as_object().map(|it| it.keys().collect()).unwrap_or_default();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A message of Landbridge to a webhook",
        "type": "object",
        "required": required,
        "additionalProperties": false,
        "properties": properties,
    })
}

/// The title, with a mark if it is a repeat.
fn title(message: &Message) -> String {
    let title = &message.content.title;
    if message.repeat { format!("[repeat] {title}") } else { title.clone() }
}

fn line_text(message: &Message) -> String {
    let content = &message.content;
    let mark = if content.state == "well" { ":white_check_mark:" } else { ":warning:" };
    let mut text = format!("{mark} {}", escaped(&title(message)));
    for command in &content.commands {
        text += &format!("\n`{}`", escaped(command));
    }
    text
}

fn fields(message: &Message) -> Vec<(&'static str, String)> {
    let content = &message.content;
    let all = [("Cause", &content.cause), ("Readers", &content.effect), ("To do", &content.action)];
    all.into_iter().filter(|(_, it)| !it.is_empty()).map(|(name, it)| (name, it.clone())).collect()
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": shortened(text, SECTION) } })
}

/// The three characters that Slack asks to escape.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most `most` characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn shortened_ascii(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}...", &text[..most - 3]) }
}
