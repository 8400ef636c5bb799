//! An event as a row of the export.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, offset};
use serde_json::{Map, Value, json};

/// Hours by which Seoul, the property's time zone, is ahead of UTC.
const SEOUL: i8 = 9;
/// The property's data streams: the site, and the creators' app.
const SITE: &str = "2718281828";
const APP: &str = "3141592653";

/// What happened, by whom, and where they come from.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// Microseconds since 1970-01-01.
    pub(super) at: i64,
    pub(super) name: &'static str,
    /// `user_pseudo_id`; `None` without consent.
    pub(super) visitor: Option<String>,
    /// `user_id`.
    pub(super) user: Option<u64>,
    pub(super) session: Session,
    pub(super) page: String,
    pub(super) engagement_msec: i64,
    /// The link that the visitor follows or books by.
    pub(super) link: Option<u64>,
    pub(super) purchase: Option<Purchase>,
    /// Whether the event starts a session, and so has the campaign's parameters itself.
    pub(super) is_first: bool,
    pub(super) source: Source,
    pub(super) country: &'static str,
    pub(super) device: Device,
    /// Days after which the event arrives at Google.
    pub(super) days_late: i64,
}

/// `ga_session_id` and `ga_session_number`.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) number: u64,
}

/// A site sends its start in seconds as a number; the creators' app sends a text.
#[derive(Clone, Debug)]
pub(super) enum SessionId {
    Number(i64),
    Text(String),
}

/// Where a session comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Direct,
    /// Parameters of the link that was followed: source, medium, campaign.
    Manual(&'static str, &'static str, &'static str),
    GoogleAds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Mobile,
    Desktop,
    Tablet,
}

#[derive(Clone, Debug)]
pub(super) struct Purchase {
    pub(super) booking: u64,
    pub(super) partner: u64,
    pub(super) nights: u64,
    pub(super) amount: f64,
    pub(super) currency: &'static str,
    /// Won for one unit of the currency, and for one dollar.
    pub(super) won: f64,
    pub(super) won_per_dollar: f64,
}

impl Event {
    /// The date in the property's time zone: the table in which the event is.
    pub(super) fn date(&self) -> Date {
        let at = Timestamp::from_microsecond(self.at).unwrap_or(Timestamp::MAX);
        at.to_zoned(TimeZone::fixed(offset(SEOUL))).date()
    }

    /// What sorts the rows of a table, so that it is the same in every run.
    pub(super) fn order(&self) -> (i64, &Option<String>, bool, &str) {
        (self.at, &self.visitor, !self.is_first, self.name)
    }

    /// The row. Attribution is not in an intraday table.
    pub(super) fn row(&self, is_intraday: bool) -> Value {
        let mut row = json!({
            "event_date": self.date().strftime("%Y%m%d").to_string(),
            "event_timestamp": self.at,
            "event_name": self.name,
            "event_params": self.params(),
            "event_server_timestamp_offset": self.days_late * 86_400_000_000,
            "user_id": self.user.map(|id| id.to_string()),
            "user_pseudo_id": self.visitor,
            "privacy_info": {
                "analytics_storage": if self.visitor.is_some() { "Yes" } else { "No" },
                "ads_storage": "No",
                "uses_transient_token": "No",
            },
            "user_properties": self.user_properties(),
            "device": self.device.record(&self.host()),
            "geo": geo(self.country),
            "stream_id": if self.is_in_app() { APP } else { SITE },
            "platform": if self.is_in_app() { "ANDROID" } else { "WEB" },
            "items": [],
            "is_active_user": self.engagement_msec > 0,
            "batch_event_index": 1,
        });
        let Value::Object(members) = &mut row else { return row };
        if let Some(purchase) = &self.purchase {
            members.insert("ecommerce".to_owned(), purchase.record());
            members.insert("items".to_owned(), json!([purchase.item()]));
        }
        if self.is_first {
            members.extend(
                self.source.collected().map(|it| ("collected_traffic_source".to_owned(), it)),
            );
        }
        if !is_intraday {
            let session =
                ("session_traffic_source_last_click".to_owned(), self.source.last_click());
            members.extend([session]);
        }
        row
    }

    fn is_in_app(&self) -> bool {
        matches!(self.session.id, SessionId::Text(_))
    }

    fn host(&self) -> String {
        let rest = self.page.strip_prefix("https://").unwrap_or(&self.page);
        rest.split('/').next().unwrap_or_default().to_owned()
    }

    fn params(&self) -> Vec<Value> {
        let text = |key: &str, value: &str| json!({"key": key, "value": {"string_value": value}});
        let number = |key: &str, value: i64| json!({"key": key, "value": {"int_value": value}});
        let mut params = vec![text("page_location", &self.page)];
        // Without consent, Google gives no session.
        if self.visitor.is_some() {
            params.push(match &self.session.id {
                SessionId::Number(id) => number("ga_session_id", *id),
                SessionId::Text(id) => text("ga_session_id", id),
            });
            params.push(number("ga_session_number", self.session.number as i64));
        }
        if self.engagement_msec > 0 {
            params.push(number("engagement_time_msec", self.engagement_msec));
        }
        params.extend(self.link.map(|id| number("link_id", id as i64)));
        if let Some(purchase) = &self.purchase {
            params.push(text("currency", purchase.currency));
            params.push(json!({"key": "value", "value": {"double_value": purchase.amount}}));
        }
        params
    }

    fn user_properties(&self) -> Value {
        let creator = json!({"key": "account", "value": {
            "string_value": "creator", "set_timestamp_micros": self.at,
        }});
        self.user.map_or_else(|| json!([]), |_| json!([creator]))
    }
}

impl Source {
    /// The parameters that the page's address had.
    fn collected(self) -> Option<Value> {
        match self {
            Self::Direct => None,
            Self::Manual(source, medium, campaign) => Some(json!({
                "manual_source": source, "manual_medium": medium, "manual_campaign_name": campaign,
            })),
            Self::GoogleAds => Some(json!({"gclid": "EAIaIQsample"})),
        }
    }

    /// The session's source: last click, direct visits left out.
    fn last_click(self) -> Value {
        let (campaign, channel) = match self {
            Self::Direct => (json!({"source": "(direct)", "medium": "(none)"}), "Direct"),
            Self::Manual(source, medium, name) => (
                json!({"source": source, "medium": medium, "campaign_name": name}),
                if medium == "affiliate" { "Affiliates" } else { "Organic Social" },
            ),
            Self::GoogleAds => (json!({}), "Paid Search"),
        };
        let mut record = Map::new();
        let mut cross_channel = campaign.clone();
        cross_channel["default_channel_group"] = json!(channel);
        if matches!(self, Self::GoogleAds) {
            record.insert(
                "google_ads_campaign".to_owned(),
                json!({
                    "customer_id": "1234567890", "campaign_id": "77", "campaign_name": "brand",
                }),
            );
            cross_channel["source"] = json!("google");
            cross_channel["medium"] = json!("cpc");
        } else {
            record.insert("manual_campaign".to_owned(), campaign);
        }
        record.insert("cross_channel_campaign".to_owned(), cross_channel);
        Value::Object(record)
    }
}

impl Device {
    fn record(self, host: &str) -> Value {
        let (category, system, browser) = match self {
            Self::Mobile => ("mobile", "Android", "Chrome"),
            Self::Desktop => ("desktop", "Windows", "Edge"),
            Self::Tablet => ("tablet", "iOS", "Safari"),
        };
        json!({
            "category": category,
            "operating_system": system,
            "language": "ko-kr",
            "web_info": {"browser": browser, "hostname": host},
        })
    }
}

impl Purchase {
    fn record(&self) -> Value {
        json!({
            "transaction_id": self.booking.to_string(),
            "purchase_revenue": self.amount,
            "purchase_revenue_in_usd": self.amount * self.won / self.won_per_dollar,
            "total_item_quantity": self.nights,
            "unique_items": 1,
        })
    }

    fn item(&self) -> Value {
        json!({
            "item_id": format!("partner-{}", self.partner),
            "item_name": "stay",
            "item_category": "travel",
            "quantity": self.nights,
            "item_revenue": self.amount,
        })
    }
}

/// Continent, sub-continent, country and city of a country's code.
fn geo(country: &str) -> Value {
    let (continent, sub_continent, name, city) = match country {
        "JP" => ("Asia", "Eastern Asia", "Japan", "Osaka"),
        "US" => ("Americas", "Northern America", "United States", "Seattle"),
        "TH" => ("Asia", "Southeast Asia", "Thailand", "Bangkok"),
        "VN" => ("Asia", "Southeast Asia", "Vietnam", "Da Nang"),
        "FR" => ("Europe", "Western Europe", "France", "Paris"),
        _ => ("Asia", "Eastern Asia", "South Korea", "Seoul"),
    };
    json!({"continent": continent, "sub_continent": sub_continent, "country": name, "city": city})
}
