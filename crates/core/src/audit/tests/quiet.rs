//! Four undisturbed weeks of 200 drawn tables: growth, weekends, noise, cleaning, rare NULLs. Every finding is a
//! false alarm.

use super::*;

/// A generator of numbers that needs no library (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// From 0 to 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number, as a sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// How a table lives.
struct Life {
    rows: f64,
    /// Growth per day.
    growth: f64,
    /// The rows of a weekend as a share of the rows of a weekday; 1 for tables that only grow.
    weekend: f64,
    /// The standard deviation of a day, as a logarithm.
    noise: f64,
    null_share: f64,
    price: f64,
    /// The share of rows deleted inside the range, on every third day.
    cleaned: f64,
}

impl Life {
    fn draw(draw: &mut Draw) -> Self {
        // A table of what is open now, of the last hours, or of everything that ever was.
        let is_staging = draw.share() < 0.35;
        Self {
            rows: 10_f64.powf(0.5 + 5.5 * draw.share()),
            growth: if is_staging { 0.0 } else { 0.03 * draw.share() * draw.share() },
            weekend: if is_staging { 0.2 + 0.8 * draw.share() } else { 1.0 },
            noise: if is_staging { 0.25 * draw.share() } else { 0.002 * draw.share() },
            null_share: if draw.share() < 0.4 { 0.0 } else { draw.share() * draw.share() },
            price: 10_f64.powf(4.0 * draw.share()),
            cleaned: if draw.share() < 0.2 { 0.04 * draw.share() } else { 0.0 },
        }
    }

    fn day(&self, at: i64, draw: &mut Draw) -> TableFigures {
        let day = days_ago(28 - at);
        let is_weekend = day.date().weekday().to_monday_one_offset() > 5;
        let level = self.rows
            * (1.0 + self.growth).powi(at as i32)
            * if is_weekend { self.weekend } else { 1.0 }
            * (self.noise * draw.normal()).exp()
            * if at % 3 == 0 { 1.0 - self.cleaned } else { 1.0 };
        let rows = level.round() as u64;
        let deviation = (self.null_share * (1.0 - self.null_share) / level.max(1.0)).sqrt();
        let share = (self.null_share + deviation * draw.normal()).clamp(0.0, 1.0);
        let nulls = ((rows as f64 * share) as u64).min(rows);
        let last = (self.rows * (1.0 + self.growth).powi(at as i32) * 1.3) as i64 + at * 40;
        // Prices have a heavy tail: the mean of a small table moves.
        let mean = self.price * (1.0 + 0.8 * draw.normal().abs() / (rows.max(1) as f64).sqrt());
        let units = (mean * 100.0 * rows as f64) as i128;
        let money = |it: f64| Some(Bound::Decimal((it * 100.0) as i128, 2));
        let hidden = Hidden {
            min: money(self.price * 0.01 * (0.5 + draw.share())),
            max: money(self.price * 50.0 * (0.5 + draw.share())),
            total: Some(Total { units, scale: 2 }),
        };
        let price = ColumnFigures { nulls: Some(0), hidden: Some(hidden), ..Default::default() };
        let note = ColumnFigures {
            nulls: Some(nulls),
            damaged: Some((draw.share() * 4.0) as u64),
            ..Default::default()
        };
        let id = whole(1, last.max(rows as i64));
        TableFigures {
            content: Some(draw.next().to_string()),
            ..figures(day, rows, &[("id", id), ("note", note), ("price", price)])
        }
    }
}

/// The false alarms of one draw, and how many tables were audited on how many days.
fn false_alarms(seed: u64) -> (Vec<String>, usize) {
    let mut draw = Draw(seed);
    let mut alarms = Vec::new();
    let mut audits = 0;
    for table in 0..200 {
        let life = Life::draw(&mut draw);
        let days: Vec<TableFigures> = (0..28).map(|at| life.day(at, &mut draw)).collect();
        for at in 0..28_usize {
            let history = &days[at.saturating_sub(HISTORY_DAYS)..at];
            audits += 1;
            let audited = Audited {
                today: &days[at],
                history,
                declared: None,
                parents: &BTreeMap::new(),
                text: &BTreeSet::from(["note".to_owned()]),
                snapshot_at: None,
                zone: &TimeZone::UTC,
                unsealed: None,
            };
            let found = audit(&audited).into_iter().filter(|it| it.outcome == Outcome::Found);
            alarms.extend(
                found.map(|it| format!("seed {seed}, table {table}, day {at}, {}: {it}", it.check)),
            );
        }
    }
    (alarms, audits)
}

/// One false alarm in 10,000 audits is one in seven weeks of 200 tables.
#[test]
fn undisturbed_weeks_are_quiet() {
    let mut all = Vec::new();
    let mut audits = 0;
    for seed in 1..=5 {
        let (alarms, made) = false_alarms(seed);
        all.extend(alarms);
        audits += made;
    }
    println!("{} false alarms in {audits} audits\n{}", all.len(), all.join("\n"));
    assert!(all.len() * 10_000 <= audits, "{} false alarms:\n{}", all.len(), all.join("\n"));
}

/// The same tables, disturbed on the last day: a test of silence alone would pass if no rule worked.
#[test]
fn the_same_weeks_with_a_fault_are_not() {
    let mut draw = Draw(1);
    let (mut halved, mut dear, mut tables) = (0, 0, 0);
    for _ in 0..200 {
        let life = Life::draw(&mut draw);
        let days: Vec<TableFigures> = (0..28).map(|at| life.day(at, &mut draw)).collect();
        let (history, last) = (&days[13..27], &days[27]);
        if last.rows < 1_000 || life.noise > 0.05 {
            continue;
        }
        tables += 1;
        let half = TableFigures { rows: last.rows / 2, ..last.clone() };
        halved += usize::from(found(Check::Rows, &half, history, None));
        let mut times_100 = last.clone();
        let price = times_100.columns.get_mut("price").expect("a column");
        let hidden = price.hidden.as_mut().expect("figures");
        let total = hidden.total.as_mut().expect("a sum");
        total.units *= 100;
        dear += usize::from(found(Check::Numbers, &times_100, history, None));
    }
    println!("{tables} tables: halved rows found in {halved}, amounts times 100 in {dear}");
    assert!(tables > 50 && halved == tables && dear == tables, "{tables} {halved} {dear}");
}
