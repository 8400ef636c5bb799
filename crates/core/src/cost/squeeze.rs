//! When it pays to compress files again before they leave AWS.

use super::prices::{AwsPrices, Prices};

/// Memory of the function transfer, in GiB: one processor.
pub(super) const TRANSFER_MEMORY_GIB: f64 = 1769.0 / 1024.0;
/// Content that one start of `transfer` compresses again, in GiB per second: 25 MiB, three quarters of what was measured on
/// x86-64 (docs/costs.md), because no processor of AWS was measured.
pub(super) const COMPRESSED_GIB_S: f64 = 25.0 / 1024.0;
/// The answer for a region that the price list does not have: the highest of those that it has.
const WITHOUT_PRICES: f64 = 0.0105;

/// The bytes that must be saved per byte of decompressed content, so that what does not leave AWS costs more than the
/// processor time. By list prices beyond the free allowances, which are the same for all workloads of an account.
///
/// It is part of what decides the bytes of an object: with another price list, objects can have other bytes.
pub fn min_saving(region: &str) -> f64 {
    let prices = Prices::shipped().ok();
    let prices = prices.as_ref().and_then(|prices| prices.aws(region).ok());
    prices.map_or(WITHOUT_PRICES, of)
}

fn of(prices: &AwsPrices) -> f64 {
    prices.lambda_gib_s.usd * TRANSFER_MEMORY_GIB / COMPRESSED_GIB_S / prices.egress_gib.usd
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dearer_the_way_out_the_less_must_be_saved() {
        let saving = |region| (min_saving(region) * 1e4).round() / 1e4;
        assert_eq!(saving("ap-northeast-2"), 0.0075);
        assert_eq!(saving("us-east-1"), 0.0105);
        assert_eq!(saving("mars-north-1"), 0.0105);
        let prices = Prices::shipped().unwrap();
        assert!(prices.aws.values().all(|prices| of(prices) <= WITHOUT_PRICES + 1e-4));
    }
}
