//! Pictures as SVG, without styles in attributes: the style sheet colours them by their classes.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

/// A number in an SVG attribute.
fn at(number: f64) -> String {
    format!("{number:.1}")
}

/// A line of numbers, oldest first; a day without a number is a gap. `label` says in words what it shows.
pub(crate) fn sparkline(values: &[Option<u64>], label: &str) -> Markup {
    const WIDTH: f64 = 600.0;
    const HEIGHT: f64 = 96.0;
    const PAD: f64 = 6.0;
    #[expect(clippy::cast_precision_loss, reason = "a picture of one pixel's precision")]
    let number = |it: u64| it as f64;
    let known = || values.iter().flatten().copied();
    let (least, most) = (known().min().unwrap_or(0), known().max().unwrap_or(0));
    let span = number(most - least).max(1.0);
    let step = (WIDTH - 2.0 * PAD) / number(values.len().saturating_sub(1).max(1) as u64);
    let x = |place: usize| PAD + step * number(place as u64);
    // A line that never changes is in the middle.
    let y = |it: u64| match most == least {
        true => HEIGHT / 2.0,
        false => HEIGHT - PAD - (HEIGHT - 2.0 * PAD) * number(it - least) / span,
    };
    let mut path = String::new();
    let mut is_drawn = false;
    for (place, value) in values.iter().enumerate() {
        match value {
            Some(value) => {
                let letter = if is_drawn { 'L' } else { 'M' };
                path += &format!("{letter}{} {}", at(x(place)), at(y(*value)));
                is_drawn = true;
            }
            None => is_drawn = false,
        }
    }
    let last = values.iter().rposition(Option::is_some);
    html! {
        svg.spark role="img" aria-label=(label) viewBox="0 0 600 96" preserveAspectRatio="none" {
            path.line d=(path) vector-effect="non-scaling-stroke" {}
            @if let Some(last) = last {
                @let end = format!("M{} {}h0.01", at(x(last)), at(y(values[last].unwrap_or(0))));
                path.end d=(end) vector-effect="non-scaling-stroke" {}
            }
        }
    }
}

/// A scale of time. Places are percentages of the picture's width, so nothing in it is stretched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    from: Timestamp,
    until: Timestamp,
}

impl Scale {
    /// A scale; it is at least a minute long.
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        let least = from + jiff::SignedDuration::from_mins(1);
        Self { from, until: until.max(least) }
    }

    /// The place of a time in percent, within the scale.
    pub(crate) fn place(self, at: Timestamp) -> f64 {
        let whole = self.until.duration_since(self.from).as_secs_f64();
        (at.duration_since(self.from).as_secs_f64() / whole * 100.0).clamp(0.0, 100.0)
    }

    /// The hours of a zone within it, with a step that leaves at most `most` of them.
    pub(crate) fn hours(self, zone: &TimeZone, most: usize) -> Vec<Timestamp> {
        let seconds = self.until.duration_since(self.from).as_secs();
        let steps = [1, 2, 3, 6, 12, 24, 48, 24 * 7, 24 * 14, 24 * 28, 24 * 7 * 13];
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let step =
            steps.into_iter().find(|step| seconds / (3600 * step) <= most).unwrap_or(24 * 7 * 52);
        let offset = i64::from(zone.to_offset(self.from).seconds());
        let first = (self.from.as_second() + offset).div_euclid(3600 * step) * 3600 * step - offset;
        let hours = (0..1000)
            .filter_map(|number| Timestamp::from_second(first + number * 3600 * step).ok());
        hours.skip_while(|it| *it < self.from).take_while(|it| *it <= self.until).collect()
    }
}

fn percent(number: f64) -> String {
    format!("{number:.2}%")
}

/// A bar of a lane: a ground from one time to another, filled as far as the work is done. A moment is a disc.
pub(crate) fn bar(
    scale: Scale,
    from: Timestamp,
    until: Timestamp,
    filled: f64,
    class: &str,
) -> Markup {
    let start = scale.place(from);
    let width = scale.place(until) - start;
    html! {
        svg.bar.(class) aria-hidden="true" {
            @if width < 0.5 {
                circle.done cx=(percent(start)) cy="9" r="6" {}
            } @else {
                rect.whole x=(percent(start)) y="3" width=(percent(width)) height="12" rx="3" {}
                rect.done x=(percent(start)) y="3" width=(percent(width * filled.clamp(0.0, 1.0))) height="12" rx="3" {}
            }
        }
    }
}

/// Vertical lines of a scale, over all lanes: hours, the deadline and now; with the hours and the deadline below.
pub(crate) fn rules(
    scale: Scale,
    hours: &[(Timestamp, String)],
    (deadline, label): (Timestamp, &str),
    now: Option<Timestamp>,
) -> Markup {
    let line = |it: Timestamp, class: &str| {
        let x = percent(scale.place(it));
        html! { line.(class) x1=(x) x2=(x) y1="0" y2="100%" {} }
    };
    let place = scale.place(deadline);
    // An hour whose label would be under that of the deadline has none.
    let is_free = |it: &&(Timestamp, String)| (scale.place(it.0) - place).abs() > LABEL;
    html! {
        svg.rules aria-hidden="true" {
            @for (hour, _) in hours { (line(*hour, "hour")) }
            (line(deadline, "deadline"))
            @if let Some(now) = now { (line(now, "now")) }
        }
        svg.hours aria-hidden="true" {
            @for (hour, label) in hours.iter().filter(is_free) {
                text x=(percent(scale.place(*hour))) y="15" text-anchor=(anchor(scale.place(*hour))) { (label) }
            }
            text.deadline x=(percent(place)) y="15" text-anchor=(anchor(place)) { (label) }
        }
    }
}

/// How much of the width a label may need, in percent.
const LABEL: f64 = 12.0;

/// On which side of its place a label is, so that it stays in the picture.
fn anchor(place: f64) -> &'static str {
    match place {
        ..2.0 => "start",
        94.0.. => "end",
        _ => "middle",
    }
}

/// Points on a time line, each with its class, and the time to which any second can be restored.
pub(crate) fn points(
    scale: Scale,
    window: Option<(Timestamp, Timestamp)>,
    all: &[(Timestamp, &str)],
    labels: &[(Timestamp, String)],
    label: &str,
) -> Markup {
    html! {
        svg.points role="img" aria-label=(label) {
            @if let Some((from, until)) = window {
                @let start = scale.place(from);
                rect.window x=(percent(start)) y="10" width=(percent(scale.place(until) - start)) height="34" {}
            }
            line.axis x1="0" x2="100%" y1="44" y2="44" {}
            @for (when, class) in all {
                @let x = percent(scale.place(*when));
                line.(class) x1=(x) x2=(x) y1="14" y2="44" {}
            }
            @for (when, label) in labels {
                text x=(percent(scale.place(*when))) y="62" text-anchor=(anchor(scale.place(*when))) { (label) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_full_hours_of_the_zone_and_not_too_many() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        let zone = TimeZone::get("Asia/Kolkata").expect("a zone");
        let scale = Scale::new(at("2026-11-20T19:25:00Z"), at("2026-11-20T22:35:00Z"));
        let clock = |it: &Timestamp| it.to_zoned(zone.clone()).strftime("%H:%M").to_string();
        let hours: Vec<String> = scale.hours(&zone, 12).iter().map(clock).collect();
        assert_eq!(hours, ["01:00", "02:00", "03:00", "04:00"]);
        let year = Scale::new(at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"));
        assert!(year.hours(&zone, 8).len() <= 9);
        assert_eq!(scale.place(at("2026-11-20T19:25:00Z")), 0.0);
        assert_eq!(scale.place(at("2027-01-01T00:00:00Z")), 100.0);
    }

    #[test]
    fn a_day_without_rows_is_a_gap_in_the_line() {
        let svg = sparkline(&[Some(1), None, Some(3), Some(3)], "<rows>").into_string();
        assert!(svg.contains(r#"d="M6.0 90.0M398.0 6.0L594.0 6.0""#), "{svg}");
        assert!(svg.contains("&lt;rows&gt;"), "{svg}");
    }
}
