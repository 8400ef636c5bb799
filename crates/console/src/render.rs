//! From an address to a page: reads what the page needs and renders it.

use landbridge_core::calendar::Day;
use landbridge_core::cost::{DayUsage, Prices, Workload, day as cost_day, estimate};
use landbridge_core::receipt::Receipt;
use landbridge_core::{ErrorKind, Result};
use landbridge_ledger::read::{incidents, receipts};
use landbridge_ledger::records::{self, DRILLS, Drill, drill};

use crate::lang::Lang;
use crate::links::{Links, To};
use crate::pages::days::Asked;
use crate::pages::{self, View, table::Table};
use crate::site::Site;

/// Ended incidents of the list.
const MAX_ENDED: usize = 100;
/// Drills that are compared.
const MAX_DRILLS: usize = 10;
/// Days of the month's cost.
const COST_DAYS: usize = 31;

/// A rendered page.
pub(crate) struct Rendered {
    /// The HTML.
    pub(crate) html: String,
    /// Whether there is such a page.
    pub(crate) is_found: bool,
}

/// How a page is asked for.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) lang: Lang,
    pub(crate) links: Links,
    pub(crate) is_still: bool,
    pub(crate) asked: Asked,
}

impl How {
    /// The view of a site.
    pub(crate) fn view<'a>(&self, site: &'a Site) -> View<'a> {
        let (lang, links, is_still) = (self.lang, self.links, self.is_still);
        View { site, history: site.history(), lang, links, is_still }
    }
}

/// The page. An error of the ledger is a page, too: it says what could not be read.
pub(crate) async fn page(site: &Site, how: &How, to: To<'_>) -> Rendered {
    let view = how.view(site);
    match found(&view, how, to).await {
        Ok(Some(html)) => Rendered { html, is_found: true },
        Ok(None) => {
            let page = pages::problem(&view, to, view.t("missing.title"), view.t("missing.text"));
            Rendered { html: view.page(page), is_found: false }
        }
        Err(error) => {
            let page = pages::problem(&view, to, view.t("error.title"), &error.sentence());
            Rendered { html: view.page(page), is_found: error.kind() != ErrorKind::NotFound }
        }
    }
}

async fn found(view: &View<'_>, how: &How, to: To<'_>) -> Result<Option<String>> {
    let site = view.site;
    let page = match to {
        To::Today => {
            let open = incidents::open(&site.ledger).await?;
            let restore = site.restore().await;
            let newest_point = restore.as_ref().as_ref().map_err(Clone::clone).map(|it| {
                it.points
                    .iter()
                    .filter(|it| it.is_available())
                    .max_by_key(|it| it.taken_at)
                    .cloned()
            });
            let beside = pages::today::Beside { incidents: &open, newest_point };
            pages::today::page(view, site.today().as_ref(), &beside)
        }
        To::Days(_) => pages::days::grid(view, &how.asked),
        To::Day(day) => {
            let Some(crossing) = site.crossing(day) else { return Ok(None) };
            pages::days::day(view, &crossing)
        }
        To::Table(name) => return table(view, name).await,
        To::Access(name) => match site.outside.seen(name).await {
            Ok(seen) => pages::access::page(view, name, &seen),
            Err(why) => pages::problem(view, to, view.t("error.title"), &why),
        },
        To::Receipt(day, name) => return receipt(view, day, name).await,
        To::Incidents => {
            pages::incidents::list(view, &incidents::all(&site.ledger, MAX_ENDED).await?)
        }
        To::Incident(number) => match incidents::find(&site.ledger, number).await? {
            Ok(incident) => pages::incidents::one(view, &incident),
            Err(_) => return Ok(None),
        },
        To::Restore => pages::restore::page(view, &*site.restore().await, &drills(site).await?),
        To::Cost => pages::cost::page(view, &cost(site, view).await?),
        To::Query | To::Asset(_) => return Ok(None),
    };
    Ok(Some(view.page(page)))
}

/// A receipt, if the table has one of this day.
async fn read_receipt(view: &View<'_>, day: Day, table: &str) -> Result<Option<Receipt>> {
    let Some(name) = view.history.record(day, table) else { return Ok(None) };
    view.site.ledger.day(day).value(&records::receipt(&name)).await
}

async fn table(view: &View<'_>, name: &str) -> Result<Option<String>> {
    let Some((day, _)) = view.history.newest(name) else { return Ok(None) };
    let Some(receipt) = read_receipt(view, day, name).await? else { return Ok(None) };
    let ledger = view.site.ledger.day(day);
    let verdicts = receipts::verdicts(&ledger, &receipt.table).await?;
    let table = Table { name, day, receipt, verdicts };
    Ok(Some(view.page(pages::table::page(view, &table))))
}

async fn receipt(view: &View<'_>, day: Day, name: &str) -> Result<Option<String>> {
    let Some(receipt) = read_receipt(view, day, name).await? else { return Ok(None) };
    let ledger = view.site.ledger.day(day);
    let verdicts = receipts::verdicts(&ledger, &receipt.table).await?;
    Ok(Some(view.page(pages::receipt::page(view, &receipt, &verdicts))))
}

/// The newest drills, the newest first.
async fn drills(site: &Site) -> Result<Vec<Drill>> {
    let ledger = site.ledger.source();
    let mut drills = Vec::new();
    for name in ledger.names(DRILLS).await?.keys().rev().take(MAX_DRILLS) {
        drills.extend(ledger.value(&drill(name)).await?);
    }
    Ok(drills)
}

/// The cost of this month's days, by their plans.
async fn cost(site: &Site, view: &View<'_>) -> Result<pages::cost::Cost> {
    let month = site.calendar().day_of(site.now()).date().first_of_month();
    let days = view.history.days().map(|it| &it.line);
    let days = days.filter(|it| it.day.date() >= month).take(COST_DAYS);
    let planned = days.filter_map(|it| site.crossing(it.day)).filter(|it| it.tables > 0);
    let usage: Vec<DayUsage> = planned
        .map(|it| DayUsage {
            day: it.day,
            tables: usize::try_from(it.tables).unwrap_or_default(),
            files: it.objects,
            exported_bytes: it.bytes,
            // Reading them takes a call per object.
            transferred_bytes: None,
            rows: it.rows,
            load_ms: 0,
        })
        .collect();
    let storage = site.restore().await.as_ref().as_ref().ok().and_then(|it| it.storage_gib);
    let prices = Prices::shipped()?;
    let region = &site.config.source.region;
    let aws = prices.aws(region);
    #[expect(clippy::cast_precision_loss, reason = "a mean for money with two digits")]
    let mean =
        |of: fn(&DayUsage) -> f64| usage.iter().map(of).sum::<f64>() / usage.len().max(1) as f64;
    #[expect(clippy::cast_precision_loss, reason = "as above")]
    let workload = Workload {
        database_gib: storage.unwrap_or_default(),
        parquet_gib_per_day: mean(|it| cost_day::gib(it.exported_bytes)),
        change_percent_per_day: Workload::CHANGE_PERCENT_PER_DAY,
        transferred_gib_per_day: None,
        tables: Some(mean(|it| it.tables as f64)),
        files_per_day: Some(mean(|it| it.files as f64)),
        table_gib: None,
        ga4_gib_per_day: None,
        history_gib: None,
    };
    let estimate = match (storage, usage.is_empty()) {
        (None, _) => Err(view.t("cost.no_size").to_owned()),
        (_, true) => Err(view.t("cost.days.none").to_owned()),
        _ => estimate(&prices, &site.config, region, &workload).map_err(|it| it.sentence()),
    };
    let mut days = Vec::new();
    if let Ok(aws) = aws {
        days = usage.into_iter().rev().map(|it| it.cost(aws, storage)).collect();
    }
    Ok(pages::cost::Cost { estimate, days })
}
