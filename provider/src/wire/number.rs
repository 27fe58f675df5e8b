//! Numbers of arbitrary precision.

use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, ToPrimitive as _};

/// A finite decimal number that keeps every digit it was given.
///
/// Two numbers are equal if they are numerically equal: `1.50` equals `1.5`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(BigDecimal);

/// Text that is not a supported number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a finite decimal number with an exponent of at most ±{}", Number::MAX_EXPONENT)]
pub struct ParseNumberError;

impl Number {
    /// Largest decimal exponent, either sign. Terraform writes numbers without exponent, so a short text such as
    /// `1e999999999` would otherwise turn into a gigabyte of zeros.
    pub const MAX_EXPONENT: i64 = 10_000;

    /// The number that a double holds exactly, `None` for NaN and the infinities.
    #[must_use]
    pub fn from_f64(double: f64) -> Option<Self> {
        if !double.is_finite() {
            return None;
        }
        BigDecimal::try_from(double).ok().map(|decimal| Self(decimal.normalized()))
    }

    /// As a signed 64-bit integer, if it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.is_integer().then(|| self.0.to_i64()).flatten()
    }

    /// As an unsigned 64-bit integer, if it is one.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.0.is_integer().then(|| self.0.to_u64()).flatten()
    }

    /// The nearest double; infinite if the number is beyond all of them.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        // through text: the only conversion that always rounds to nearest
        self.0.to_scientific_notation().parse().unwrap_or(f64::INFINITY)
    }

    /// As a double, if a double holds exactly this number.
    #[must_use]
    pub fn as_exact_f64(&self) -> Option<f64> {
        let nearest = self.to_f64();
        (Self::from_f64(nearest).as_ref() == Some(self)).then_some(nearest)
    }

    /// Whether the number has no fraction.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.0.is_integer()
    }
}

/// Plain decimal digits, no exponent, no superfluous zeros.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_plain_string())
    }
}

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Self, ParseNumberError> {
        let decimal = BigDecimal::from_str(text).map_err(|_| ParseNumberError)?;
        // digits × 10^-scale: bound both ends of the plain notation before anything allocates them
        let (_, scale) = decimal.as_bigint_and_exponent();
        if scale.checked_abs().is_none_or(|scale| scale > Self::MAX_EXPONENT) {
            return Err(ParseNumberError);
        }
        Ok(Self(decimal.normalized()))
    }
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(BigDecimal::from(BigInt::from(integer)).normalized())
    }
}

impl From<u64> for Number {
    fn from(integer: u64) -> Self {
        Self(BigDecimal::from(BigInt::from(integer)).normalized())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_digits_beyond_a_double() {
        for text in
            ["0.1", "18446744073709551616", "123456789012345678901234567890.000000000000000000001", "-5"]
        {
            assert_eq!(text.parse::<Number>().unwrap().to_string(), text);
        }
        assert_eq!("1e40".parse::<Number>().unwrap().to_string(), format!("1{}", "0".repeat(40)));
        assert_eq!("1.50".parse::<Number>(), "1.5".parse::<Number>());
    }

    #[test]
    fn only_exact_doubles_are_doubles() {
        assert_eq!("1.5".parse::<Number>().unwrap().as_exact_f64(), Some(1.5));
        assert_eq!("0.1".parse::<Number>().unwrap().as_exact_f64(), None);
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::INFINITY), None);
        assert_ne!(Number::from_f64(0.1), "0.1".parse().ok(), "a double close to 0.1 is not 0.1");
    }

    #[test]
    fn integers_are_read_back_only_when_they_are_integers() {
        assert_eq!("9223372036854775807".parse::<Number>().unwrap().as_i64(), Some(i64::MAX));
        assert_eq!("9223372036854775808".parse::<Number>().unwrap().as_i64(), None);
        assert_eq!("9223372036854775808".parse::<Number>().unwrap().as_u64(), Some(1 << 63));
        assert_eq!("1.5".parse::<Number>().unwrap().as_u64(), None);
        assert_eq!("-1".parse::<Number>().unwrap().as_u64(), None);
    }

    #[test]
    fn refuses_numbers_that_would_exhaust_memory() {
        for text in ["1e999999999", "1e-999999999", "NaN", "inf", "", "1e99999999999999999999"] {
            assert_eq!(text.parse::<Number>(), Err(ParseNumberError), "{text}");
        }
    }
}
