"""The shared ground floor: settings, errors, records, the store, the registry, artifacts and the web base."""
