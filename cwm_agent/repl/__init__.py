"""Line-mode front ends."""
