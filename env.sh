# Source this (bash or zsh): a shell in which ros2, colcon and the irevla packages work.
irevla_root=$(cd "$(dirname "${BASH_SOURCE[0]:-${(%):-%x}}")" && pwd)
if [ ! -x "$irevla_root/.venv/bin/python" ]; then
  echo "env.sh: nothing is installed yet; run 'make setup' in $irevla_root first" >&2
  return 1
fi
export VIRTUAL_ENV="$irevla_root/.venv"
case ":$PATH:" in *":$VIRTUAL_ENV/bin:"*) ;; *) export PATH="$VIRTUAL_ENV/bin:$PATH" ;; esac

if [ -z "${ROS_DISTRO:-}" ]; then
  # ROS 2 from wheels lives in the virtual environment itself.
  export ROS_VERSION=2 ROS_PYTHON_VERSION=3 ROS_DISTRO=jazzy IREVLA_ROS_WHEELS=1
  export AMENT_PREFIX_PATH="$VIRTUAL_ENV" CMAKE_PREFIX_PATH="$VIRTUAL_ENV"
  irevla_libs="$VIRTUAL_ENV/lib"
  for irevla_dir in "$VIRTUAL_ENV"/lib/python3.*/site-packages/ros_*.libs; do
    irevla_libs="$irevla_libs:$irevla_dir"
  done
  export LD_LIBRARY_PATH="$irevla_libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  # The paths are set: no need for the wheels' hook to restart every interpreter.
  export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
  unset irevla_libs irevla_dir
fi

# This machine only, until the user says otherwise: nobody else on the network may move the arm.
# For a robot network set ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET, and FASTRTPS_DEFAULT_PROFILES_FILE to
# a copy of config/fastdds.xml that whitelists this machine's address there; then source this file.
export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
if [ "$ROS_DISTRO" = humble ]; then export ROS_LOCALHOST_ONLY="${ROS_LOCALHOST_ONLY:-1}"; fi
export RMW_IMPLEMENTATION="${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}"
# Loopback only; room in shared memory for camera images, which overflow Fast DDS's 512 KiB default.
export FASTRTPS_DEFAULT_PROFILES_FILE="${FASTRTPS_DEFAULT_PROFILES_FILE:-$irevla_root/config/fastdds.xml}"
export MUJOCO_GL="${MUJOCO_GL:-osmesa}"

if [ -f "$irevla_root/install/local_setup.bash" ]; then
  if [ -n "${ZSH_VERSION:-}" ]; then . "$irevla_root/install/local_setup.zsh"; else . "$irevla_root/install/local_setup.bash"; fi
fi
# The command `irevla`.
irevla_bin="$irevla_root/install/irevla_bringup/lib/irevla_bringup"
case ":$PATH:" in *":$irevla_bin:"*) ;; *) export PATH="$irevla_bin:$PATH" ;; esac
unset irevla_root irevla_bin
