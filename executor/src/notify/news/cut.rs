/// A text of so many characters at most, but for the words that say that it was cut.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(longest) else { return text.to_owned() };
    let left = text[end..].chars().count();
    format!("{} … (cut: {left} more characters)", &text[..end])
}
