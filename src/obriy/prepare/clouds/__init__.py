"""Scene to Scene: flags of cloud and cloud shadow where no quality band says them."""
