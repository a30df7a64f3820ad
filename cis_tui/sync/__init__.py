"""What nodes say to each other, whatever carries it: signed envelopes, versions of entries, who has which."""
