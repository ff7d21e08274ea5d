package depot;

public interface Movable {
}
