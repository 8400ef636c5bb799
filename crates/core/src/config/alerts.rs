//! Where messages about incidents go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use crate::yaml::{KeyPath, Violation, format};

/// Where the function `notify` sends messages about incidents, and a line a day. Without this section the
/// function is not deployed, and alerts are lines of the log with an alarm of CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertsConfig {
    /// A channel of Slack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackConfig>,
    /// E-mail, by a topic of Amazon SNS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailConfig>,
    /// Any address that takes JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConfig>,
}

/// Where messages about incidents go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Slack, by an incoming webhook. It has no threads.
    SlackWebhook,
    /// Slack, by the token of a bot, with threads.
    SlackBot,
    /// E-mail, by a topic of SNS.
    Email,
    /// JSON to any address.
    Webhook,
}

impl Channel {
    /// Its name, as in the record.
    pub fn name(self) -> &'static str {
        match self {
            Self::SlackWebhook => "slack_webhook",
            Self::SlackBot => "slack_bot",
            Self::Email => "email",
            Self::Webhook => "webhook",
        }
    }
}

/// A channel of Slack: an incoming webhook, or a bot, which can also answer in threads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackConfig {
    /// Name or ARN of the secret that contains the URL of an incoming webhook. It has no threads, so it
    /// gets no message while an incident changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::secret")]
    pub webhook: Option<String>,
    /// Name or ARN of the secret that contains the token of a bot with the scope `chat:write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::secret")]
    pub token: Option<String>,
    /// The id of the channel in which the bot writes, for example `C0123456789`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "format::slack_channel")]
    pub channel: Option<String>,
}

/// E-mail by a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// ARN of the SNS topic in the source's region. Terraform's topic of the alarms is
    /// `arn:aws:sns:<region>:<account>:landbridge-<source>-alerts`.
    #[schemars(schema_with = "format::sns_topic")]
    pub topic: String,
}

/// An address that takes JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Name or ARN of the secret that contains the URL.
    #[schemars(schema_with = "format::secret")]
    pub url: String,
    /// Name or ARN of the secret that contains the key of the signature in the header
    /// `landbridge-signature`.
    #[schemars(schema_with = "format::secret")]
    pub key: String,
}

impl AlertsConfig {
    /// The channels, in a fixed order.
    pub fn channels(&self) -> Vec<Channel> {
        let slack = self.slack.as_ref().map(|slack| match slack.token {
            Some(_) => Channel::SlackBot,
            None => Channel::SlackWebhook,
        });
        let email = self.email.as_ref().map(|_| Channel::Email);
        let webhook = self.webhook.as_ref().map(|_| Channel::Webhook);
        [slack, email, webhook].into_iter().flatten().collect()
    }

    /// The secrets that the function reads.
    pub fn secrets(&self) -> Vec<&str> {
        let slack = self.slack.iter().flat_map(|it| [&it.webhook, &it.token]).flatten();
        let webhook = self.webhook.iter().flat_map(|it| [&it.url, &it.key]);
        slack.chain(webhook).map(String::as_str).collect()
    }
}

pub(super) fn check(config: &Config, problems: &mut Vec<Violation>) {
    let Some(alerts) = &config.alerts else { return };
    let path = KeyPath::root().key("alerts");
    if alerts.channels().is_empty() {
        problems.push(
            Violation::new(path.clone(), "`alerts` names no channel".to_owned())
                .help("add `slack`, `email` or `webhook`, or remove the section"),
        );
    }
    if let Some(slack) = &alerts.slack {
        let is_one = matches!(
            (&slack.webhook, &slack.token, &slack.channel),
            (Some(_), None, None) | (None, Some(_), Some(_))
        );
        if !is_one {
            problems.push(
                Violation::new(
                    path.key("slack"),
                    "`alerts.slack` needs either `webhook`, or `token` and `channel`".to_owned(),
                )
                .help("an incoming webhook belongs to one channel; a bot needs the id of the channel and can answer in threads"),
            );
        }
    }
    if let Some(email) = &alerts.email {
        let region = email.topic.split(':').nth(3).unwrap_or_default();
        if format::fits("sns-topic-arn", &email.topic) && region != config.source.region {
            problems.push(
                Violation::new(
                    path.key("email").key("topic"),
                    format!(
                        "`alerts.email.topic` is in `{region}`, but the source is in `{}`",
                        config.source.region
                    ),
                )
                .help("use a topic in the source's region, where the functions run"),
            );
        }
    }
}
