"""placeholder"""
from sandbox.generate import generated_world
def demo_world(now): return generated_world(3,2,0,now)
