//! Whether what `Store.open` is given is a database's URL, a mistake in one, or a path.

/// What the first part of a database's URL says, before a "+driver".
const SCHEMES: [&str; 14] = [
    "cockroachdb",
    "file",
    "jdbc",
    "libsql",
    "mariadb",
    "mongodb",
    "mssql",
    "mysql",
    "oracle",
    "postgres",
    "postgresql",
    "psql",
    "sqlite",
    "sqlite3",
];

/// The names of libpq's other form: "host=… user=… password=…".
const KEYWORDS: [&str; 5] = ["dbname", "host", "hostaddr", "password", "user"];

/// Whether it is the URL of a PostgreSQL database.
pub(super) fn is_of_postgres(text: &str) -> bool {
    text.starts_with("postgresql://") || text.starts_with("postgres://")
}

/// Whether it was meant to lead to a database but is no URL that is understood. Taken for a path it would leave a folder with a password in its
/// name. What stands before it, as a space or a quote of some file of settings, changes nothing about that.
pub(super) fn is_mistaken(text: &str) -> bool {
    let before = |c: char| c.is_whitespace() || c.is_control() || "\u{feff}\"'`<(".contains(c);
    let text = text.trim_start_matches(before);
    has_scheme(text) || has_keyword(text)
}

fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme = scheme.trim_end().to_ascii_lowercase();
    let dialect = scheme.split('+').next().unwrap_or_default();
    SCHEMES.contains(&dialect) || (rest.starts_with("//") && is_scheme(&scheme))
}

/// One letter is a drive.
fn is_scheme(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+.-".contains(&b))
}

/// Whether a word of it begins with a keyword and "=", with or without spaces before that.
fn has_keyword(text: &str) -> bool {
    text.match_indices('=').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default().trim_end();
        let word = before.rsplit(char::is_whitespace).next();
        word.is_some_and(|word| {
            let word = word.to_ascii_lowercase();
            KEYWORDS.contains(&word.as_str())
        })
    })
}
