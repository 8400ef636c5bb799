//! `/cost`: what a month costs, with the sizes of the newest days.

use landbridge_cli_support::render::{bytes, grouped};
use landbridge_core::cost::{CostItem, DayCost, Estimate};
use maud::{Markup, html};

use super::{Page, View};
use crate::links::To;

/// What was read.
pub struct Cost {
    /// The month, or why it cannot be estimated.
    pub estimate: Result<Estimate, String>,
    /// The days of this month, oldest first.
    pub days: Vec<DayCost>,
}

/// The page.
pub fn page(view: &View<'_>, cost: &Cost) -> Page<'static> {
    let body = html! {
        h1 { (view.t("nav.cost")) }
        @match &cost.estimate {
            Ok(estimate) => (month(view, estimate)),
            Err(why) => p.problem { (why) },
        }
        (days(view, &cost.days))
        p.small { (view.t("cost.prices")) }
    };
    Page { to: To::Cost, title: view.t("nav.cost").to_owned(), body, reload: None }
}

/// Dollars with cents.
fn usd(amount: f64) -> String {
    if amount > 0.0 && amount < 0.005 { "<0.01".to_owned() } else { format!("{amount:.2}") }
}

fn month(view: &View<'_>, estimate: &Estimate) -> Markup {
    let mut items: Vec<_> = estimate.items.iter().collect();
    items.sort_by(|a, b| b.month.total_cmp(&a.month));
    let most = items.first().map_or(0.0, |it| it.month).max(0.01);
    let cents = items.partition_point(|it| it.month >= 0.005);
    let (paid, free) = items.split_at(cents);
    html! {
        p.lead {
            b { "$" (usd(estimate.month)) } " " (view.t("cost.month"))
            " " (view.fill("cost.prices.of", &[("month", &estimate.prices_as_of), ("region", &estimate.region)]))
        }
        section aria-labelledby="items" {
            h2 #items { (view.t("cost.items")) }
            (items_table(view, paid, most))
            @if !free.is_empty() {
                details {
                    summary { (view.fill("cost.free", &[("n", &free.len().to_string())])) }
                    (items_table(view, free, most))
                }
            }
            @if let Some((item, share)) = estimate.largest_item(true) {
                p { (view.fill("cost.largest", &[("item", item.what), ("share", &format!("{share:.0}"))])) }
            }
            @if let Some(copy) = estimate.ga4_copy.as_ref().filter(|it| !it.included) {
                p.small { (view.fill("cost.ga4", &[("from", &copy.from), ("usd", &usd(copy.usd_per_gib))])) }
            }
        }
    }
}

fn items_table(view: &View<'_>, items: &[&CostItem], most: f64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby="items" {
            table.list.costs {
                thead { tr {
                    th scope="col" { (view.t("cost.item")) }
                    th.number scope="col" { (view.t("cost.usd")) }
                    th scope="col" { span.hidden { (view.t("cost.share")) } }
                    th scope="col" { (view.t("cost.lever")) }
                } }
                tbody {
                    @for it in items {
                        tr {
                            th scope="row" { (it.what) @if it.uncertain { " " span.small { (view.t("cost.uncertain")) } } }
                            td.number { (usd(it.month)) }
                            td.share { svg.meter aria-hidden="true" { rect.done y="5" height="8" rx="2" width=(format!("{:.1}%", it.month / most * 100.0)) {} } }
                            td.small { (it.lever) }
                        }
                    }
                }
            }
        }
    }
}

fn days(view: &View<'_>, days: &[DayCost]) -> Markup {
    let export: f64 = days.iter().filter_map(|it| it.export_usd).sum();
    let egress: f64 = days.iter().map(|it| it.egress_usd).sum();
    html! {
        section aria-labelledby="days" {
            h2 #days { (view.t("cost.days")) }
            @if days.is_empty() {
                p { (view.t("cost.days.none")) }
            } @else {
                p { (view.fill("cost.days.text", &[("n", &days.len().to_string()), ("export", &usd(export)), ("egress", &usd(egress))])) }
                div.scroll tabindex="0" role="region" aria-labelledby="days" {
                    table.list {
                        thead { tr {
                            th scope="col" { (view.t("column.day")) }
                            @for key in ["column.tables", "cost.files", "cost.bytes", "column.rows", "cost.export", "cost.egress"] {
                                th.number scope="col" { (view.lang.word(key)) }
                            }
                        } }
                        tbody {
                            @for it in days.iter().rev() {
                                tr {
                                    th scope="row" { (view.link(To::Day(it.usage.day), &view.day(it.usage.day))) }
                                    td.number { (grouped(it.usage.tables as u64)) }
                                    td.number { (grouped(it.usage.files)) }
                                    td.number { (bytes(it.usage.exported_bytes)) }
                                    td.number { (grouped(it.usage.rows)) }
                                    td.number { (it.export_usd.map_or_else(|| "–".to_owned(), usd)) }
                                    td.number { (usd(it.egress_usd)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
