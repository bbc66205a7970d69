"""`python -m cwm_agent` is `cwm-agent`."""

from cwm_agent.cli import main

raise SystemExit(main())
