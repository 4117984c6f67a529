//! **Counted** things in text: `1 row`, `2,000 rows`.

/// So many of what `one` names, with the number's digits in groups of three: `1 event`, `12,000 events`.
pub fn count(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// Digits in groups of three: `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        let counted: Vec<String> = [0, 1, 2, 999, 1_000, 1_234_567].into_iter().map(|n| count(n, "row")).collect();
        assert_eq!(counted, ["0 rows", "1 row", "2 rows", "999 rows", "1,000 rows", "1,234,567 rows"]);
    }
}
