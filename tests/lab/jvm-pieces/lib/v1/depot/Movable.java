package depot;

public interface Movable {
    String where();
}
