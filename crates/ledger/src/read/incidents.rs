//! Incidents, open and ended.

use landbridge_core::Result;
use landbridge_core::incident::Incident;

use crate::Ledger;
use crate::records::{self, INCIDENT_STATE, INCIDENTS};

/// The incidents that are open.
///
/// # Errors
/// Any ledger error.
pub async fn open(ledger: &Ledger) -> Result<Vec<Incident>> {
    let state = ledger.source().value(&INCIDENT_STATE).await?.unwrap_or_default();
    Ok(state.incidents.into_values().filter(Incident::is_open).collect())
}

/// What has not ended, and the newest `max_ended` of what has; the newest first.
///
/// # Errors
/// Any ledger error.
pub async fn all(ledger: &Ledger, max_ended: usize) -> Result<Vec<Incident>> {
    let source = ledger.source();
    let mut incidents = source.value(&INCIDENT_STATE).await?.unwrap_or_default().incidents;
    let ended = source.etags(INCIDENTS).await?;
    let numbers = ended.keys().rev().filter_map(|name| name.parse::<u32>().ok());
    for number in numbers.take(max_ended) {
        if let Some(incident) = source.value(&records::incident(number)).await? {
            incidents.entry(number).or_insert(incident);
        }
    }
    Ok(incidents.into_values().rev().collect())
}

/// The incident with this number, or the number of the newest one if there is no such incident.
///
/// # Errors
/// Any ledger error.
pub async fn find(ledger: &Ledger, number: u32) -> Result<std::result::Result<Incident, u32>> {
    let source = ledger.source();
    let mut state = source.value(&INCIDENT_STATE).await?.unwrap_or_default();
    if let Some(incident) = state.incidents.remove(&number) {
        return Ok(Ok(incident));
    }
    Ok(source.value(&records::incident(number)).await?.ok_or(state.newest))
}
