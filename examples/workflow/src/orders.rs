//! What the shop sold: pure functions from the number of a run to rows.
//!
//! A run brings in the orders of its own day, and corrections of some orders of the day before.

use std::collections::BTreeMap;

/// Orders of a run's own day.
pub(crate) const ORDERS_A_RUN: u32 = 3000;
/// Every n-th order of the day before is corrected.
const CORRECTED: u32 = 5;
/// Every n-th order is cancelled, and stays out of silver.
const CANCELLED: u32 = 20;
/// 2026-01-01 as days since 1970-01-01; run 1 brings in its orders.
const FIRST_DAY: i32 = 20_454;

/// Where an order was placed. The names need encoding in paths.
const PLACES: [&str; 3] = ["north", "süd west", "a=b%c"];

/// One order, as one run said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: i64,
    /// The run that said it.
    pub(crate) run: i32,
    /// Days since 1970-01-01.
    pub(crate) day: i32,
    pub(crate) place: &'static str,
    pub(crate) cents: i64,
    pub(crate) cancelled: bool,
}

/// What was sold in one place on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) day: i32,
    pub(crate) place: &'static str,
    pub(crate) orders: i64,
    pub(crate) cents: i64,
}

/// The day whose orders run `number` brings in, as days since 1970-01-01.
pub(crate) fn day_of(number: u32) -> i32 {
    FIRST_DAY.saturating_add_unsigned(number - 1)
}

/// All rows that run `number` brings in.
pub(crate) fn brought_by(number: u32) -> Vec<Order> {
    let own = (0..ORDERS_A_RUN).map(|index| order(number, number, index));
    let corrections =
        (0..ORDERS_A_RUN).step_by(CORRECTED as usize).map(|index| order(number - 1, number, index));
    if number > 1 { own.chain(corrections).collect() } else { own.collect() }
}

/// The order number `index` of the day of run `day_run`, as run `number` says it.
fn order(day_run: u32, number: u32, index: u32) -> Order {
    let id = i64::from(day_run - 1) * i64::from(ORDERS_A_RUN) + i64::from(index);
    Order {
        id,
        run: i32::try_from(number).unwrap_or(i32::MAX),
        day: day_of(day_run),
        place: PLACES[index as usize % PLACES.len()],
        cents: (id * 37 + i64::from(number)) % 100_000,
        cancelled: index.is_multiple_of(CANCELLED),
    }
}

/// The orders of run `day_run`'s day as they stand after run `number`: the latest word on each, without the
/// cancelled ones.
pub(crate) fn standing(day_run: u32, number: u32) -> Vec<Order> {
    let mut latest = BTreeMap::new();
    for said_by in day_run..=number.min(day_run + 1) {
        let of_the_day = brought_by(said_by).into_iter().filter(|order| order.day == day_of(day_run));
        latest.extend(of_the_day.map(|order| (order.id, order)));
    }
    latest.into_values().filter(|order| !order.cancelled).collect()
}

/// What was sold by place and day, after run `number`.
pub(crate) fn totals(number: u32) -> Vec<Total> {
    let mut totals: BTreeMap<(i32, &str), Total> = BTreeMap::new();
    for order in (1..=number).flat_map(|day_run| standing(day_run, number)) {
        let Order { day, place, cents, .. } = order;
        let total = totals.entry((day, place)).or_insert(Total { day, place, orders: 0, cents: 0 });
        total.orders += 1;
        total.cents += cents;
    }
    totals.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_corrects_orders_of_the_day_before() {
        assert_eq!(brought_by(1).len(), 3000);
        assert_eq!(brought_by(2).len(), 3600);
        let before = standing(1, 1);
        let after = standing(1, 2);
        assert_eq!((before.len(), after.len()), (2850, 2850));
        let changed = before.iter().zip(&after).filter(|(old, new)| old.cents != new.cents).count();
        assert_eq!(changed, 450, "every fifth, less the cancelled quarter of them");
    }

    #[test]
    fn later_runs_leave_older_days_alone() {
        assert_eq!(standing(1, 2), standing(1, 9));
    }

    #[test]
    fn totals_hold_every_standing_order() {
        let totals = totals(3);
        assert_eq!(totals.len(), 9);
        assert_eq!(totals.iter().map(|total| total.orders).sum::<i64>(), 3 * 2850);
    }
}
