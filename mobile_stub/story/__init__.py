"""A person's year: files of five kinds and meals by hand, through the public API, told with its sums."""
