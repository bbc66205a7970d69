"""The container engine from the host's side: image, container, shell, snapshot."""
